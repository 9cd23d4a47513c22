/**
 * How is a single system call made to fail? By strace, as a process beside the program (`-D`), so that the
 * program itself is our child and a signal reaches it. strace counts a call's occurrences for each thread;
 * with its filter in the kernel (--seccomp-bpf) it does not count them all, so every call is looked at.
 */
export type Injection = {
  readonly calls: readonly string[]
  /** As strace says it: `error=EIO:when=3`, `signal=KILL:when=2`, `delay_enter=400000`. */
  readonly fault: string
  /** Only calls on these files. */
  readonly paths?: readonly string[]
}

export function strace({ calls, fault, paths = [] }: Injection): readonly string[] {
  const names = calls.join(',')
  const only = paths.flatMap((path) => ['-P', path])
  const what = ['-e', `trace=${names}`, '-e', `inject=${names}:${fault}`]
  return ['strace', '-D', '-f', '-qq', '-o', '/dev/null', ...only, ...what]
}
