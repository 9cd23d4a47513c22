/**
 * How does systemd learn that we are up, and that we are still ourselves? By its own small program, because
 * a datagram to a Unix socket is the one thing that Node cannot send. Where nobody wants to know, nothing
 * is sent.
 */
import { spawn } from 'node:child_process'

export type ServiceNotify = (state: 'READY=1' | 'WATCHDOG=1' | 'STOPPING=1') => void

/** `env` is that of the process: systemd says in it whether it listens. */
export function serviceNotify(env: Readonly<Record<string, string | undefined>>): ServiceNotify {
  if ((env.NOTIFY_SOCKET ?? '') === '') return () => {}
  return (state) => {
    const child = spawn('systemd-notify', [state], { env: { ...env }, stdio: 'ignore' })
    // Not installed, or no room for a process: the watchdog will say so by its silence.
    child.once('error', () => {})
    child.unref()
  }
}
