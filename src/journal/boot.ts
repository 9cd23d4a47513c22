/** Since when has this machine been up? Two runs of one boot share its id. */
import { readFileSync } from 'node:fs'

/** First 8 bytes of the machine's boot id; zeros where the machine has none. */
export function readBootId(path: string = '/proc/sys/kernel/random/boot_id'): Uint8Array {
  const bytes = new Uint8Array(8)
  try {
    bytes.set(Buffer.from(readFileSync(path, 'utf8').replaceAll('-', '').slice(0, 16), 'hex'))
  } catch {
    // Not Linux. An unclean end is then told by the missing seal alone.
  }
  return bytes
}
