/**
 * Who started us? A process that was started with a channel may tell its parent how it is, and learns by the
 * channel's end that the parent is gone. A process that a person started has neither, and needs neither.
 */

export interface Parent {
  /** A value of plain JSON; resolves when it has left. Nobody listening is no error: it was only news. */
  tell(value: unknown): Promise<void>
  /** Called once when the parent is gone. */
  onGone(hear: () => void): void
}

/** Null: a person, or something that does not listen, started us. */
export function parentOfProcess(): Parent | null {
  if (process.send === undefined) return null
  return {
    tell: (value) =>
      new Promise((resolve) => {
        if (process.connected) process.send?.(value, undefined, {}, () => resolve())
        else resolve()
      }),
    onGone: (hear) => void process.once('disconnect', hear),
  }
}
