/** Which key ends a screen? q, Q, Escape and Ctrl-C, as soon as it is struck. */

type Keyboard = {
  readonly isTTY?: boolean
  setRawMode?(isRaw: boolean): unknown
  on(event: 'data', hear: (bytes: Buffer) => void): unknown
  off(event: 'data', hear: (bytes: Buffer) => void): unknown
  resume(): unknown
  pause(): unknown
}

const CTRL_C = 0x03
const CTRL_D = 0x04
const ESCAPE = 0x1b
const QUIT = [0x71, 0x51, CTRL_C, CTRL_D]

/** Returns what ends the listening and leaves the terminal as it was. Does nothing without a keyboard. */
export function listenForEnd(keyboard: Keyboard, onEnd: () => void): () => void {
  if (keyboard.isTTY !== true || keyboard.setRawMode === undefined) return () => {}
  const hear = (bytes: Buffer): void => {
    // Escape alone; arrows and the like begin with it and go on.
    const isEscape = bytes.length === 1 && bytes[0] === ESCAPE
    if (isEscape || bytes.some((byte) => QUIT.includes(byte))) onEnd()
  }
  const stop = (): void => {
    keyboard.off('data', hear)
    keyboard.setRawMode?.(false)
    keyboard.pause()
  }
  keyboard.setRawMode(true)
  keyboard.on('data', hear)
  keyboard.resume()
  return stop
}
