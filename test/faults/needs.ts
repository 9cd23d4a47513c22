/**
 * Can this machine produce the fault? Each need is looked at once; its absence is said with what would mend
 * it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

export const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'

export type Need =
  | 'root'
  | 'strace'
  | 'loop'
  | 'ext4'
  | 'xfs'
  | 'netns'
  | 'tbf'
  | 'faketime'
  | 'prlimit'
  | 'unshare'
  | 'cgroup'
  | 'openssl'

const PROBES: Readonly<Record<Need, () => string | null>> = {
  root: () => (process.getuid?.() === 0 ? null : 'needs root (mounts, namespaces)'),
  strace: () => (answers('strace', '-qq', '-o', '/dev/null', 'true') ? null : 'needs strace'),
  loop: () => (existsSync('/dev/loop-control') ? null : 'needs loop devices'),
  ext4: () => (answers('mkfs.ext4', '-V') ? null : 'needs mkfs.ext4 (e2fsprogs)'),
  xfs: () =>
    answers('xfs_io', '-V') && answers('mkfs.xfs', '-V') ? null : 'needs xfs_io and mkfs.xfs (xfsprogs)',
  netns: () => (answers('ip', 'netns', 'list') ? null : 'needs ip netns (iproute2)'),
  tbf: () => (answers('tc', '-V') ? null : 'needs tc (iproute2)'),
  faketime: () => (existsSync(FAKETIME) ? null : 'needs libfaketime'),
  prlimit: () => (answers('prlimit', '--version') ? null : 'needs prlimit (util-linux)'),
  unshare: () =>
    answers('unshare', '-m', 'true') ? null : 'needs unshare (util-linux) and the right to use it',
  cgroup: () =>
    existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes')
      ? null
      : 'needs the memory controller of cgroup v1',
  openssl: () => (answers('openssl', 'version') ? null : 'needs openssl'),
}

const found = new Map<Need, string | null>()

/** Why the row cannot run here; null when it can. */
export function whyNot(needs: readonly Need[]): string | null {
  const reasons = needs.map(probe).filter((reason) => reason !== null)
  return reasons.length === 0 ? null : reasons.join('; ')
}

function probe(need: Need): string | null {
  const known = found.get(need)
  if (known !== undefined) return known
  const reason = PROBES[need]()
  found.set(need, reason)
  return reason
}

function answers(command: string, ...args: readonly string[]): boolean {
  const { status, error } = spawnSync(command, args, { stdio: 'ignore' })
  return error === undefined && status === 0
}
