/** Rows 15 to 17: what if the disk is slow, the file system turns read-only, or the clock is set? */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Fact } from '../../src/domain/fact.ts'
import { decodeFact, ENTRY_FACT } from '../../src/domain/fact.ts'
import { readSegments } from '../../src/journal/reader.ts'
import { journalDir } from '../../src/store/lake.ts'
import { ImageDisk } from '../../test/faults/disk.ts'
import { DAY, FaultMarket, type FaultWorker, isOneClearLine, lastLine } from '../../test/faults/market.ts'
import { FAKETIME } from '../../test/faults/needs.ts'
import type { Place } from '../../test/faults/place.ts'
import { brokenOf, type FaultRow, type Outcome } from '../../test/faults/row.ts'
import { strace } from '../../test/faults/tracer.ts'

type Summary = {
  readonly summary: {
    readonly loopDelay: { readonly p99Ms?: number; readonly maxMs?: number } | null
    readonly latency: Readonly<Record<string, number>> | null
    readonly packetCount: number
  }
}

/** Other than by being asked to stop. */
function isFeedLost(line: string): boolean {
  return line.includes('feed lost') && !line.includes('"reason":"stopped"')
}

async function slowDiskRow(place: Place): Promise<Outcome> {
  const broken: string[] = []
  const figures: Record<string, number | string> = {}
  for (const delayMs of [400, 1_200]) {
    // From the open on: a start in mid-session first lists every minute before it, each with a sync.
    const market = await FaultMarket.open(place, { speed: 15, at: '09:14' })
    const worker = market.worker(`slow-${delayMs}`)
    const run = await worker.live(strace({ calls: ['fdatasync'], fault: `delay_enter=${delayMs * 1_000}` }))
    await worker.published(3, run)
    const ended = await run.end('SIGTERM')
    await market.exchange.command.end('SIGTERM')
    const isWarned = ended.stderr.includes('durable took')
    const lost = run.stderrLines.filter(isFeedLost).length
    const { summary } = JSON.parse(ended.stdout) as Summary
    figures[`loopDelay${delayMs}`] = JSON.stringify(summary.loopDelay)
    figures[`latency${delayMs}`] = JSON.stringify(summary.latency)
    broken.push(
      ...brokenOf({
        [`${delayMs}: the feed was lost`]: lost === 0,
        [`${delayMs}: ended with ${ended.status}: ${lastLine(ended)}`]: ended.status === 0,
        [`${delayMs}: a sync of more than a second was ${isWarned ? '' : 'not '}told`]:
          isWarned === delayMs > 1_000,
      }),
      ...(await worker.flaws()).map((flaw) => `${delayMs}: ${flaw}`),
    )
  }
  return { figures, broken }
}

async function readOnlyRow(place: Place): Promise<Outcome> {
  const disk = new ImageDisk(place, 'ext4', { mount: 'errors=remount-ro' })
  const market = await FaultMarket.open(place)
  const worker = market.worker('read-only', { dataDir: join(disk.path, 'data') })
  const run = await worker.live()
  await worker.published(2, run)
  disk.turnReadOnly()
  const sinceMs = performance.now()
  const ended = await Promise.race([run.ended, pause(20_000).then(() => run.end('SIGKILL'))])
  const endedAfterMs = Math.round(performance.now() - sinceMs)
  // Once writable, so that its journal is recovered.
  await disk.unmount()
  disk.mount()
  await disk.unmount()
  disk.mount('loop,ro')
  const refused = await worker.stream().ended
  const [parts, reader] = [worker.parts().length, await worker.command(['verify', '--market', 'in']).ended]
  await disk.unmount()
  disk.mount()
  const next = await worker.live()
  await worker.published(2, next)
  const { status } = await next.end('SIGTERM')
  const broken = brokenOf({
    'it did not end in one clear line': ended.status === 1 && isOneClearLine(ended),
    'a start on a read-only disk was not refused in one clear line':
      refused.status === 1 && isOneClearLine(refused),
    'once writable it did not go on': status === 0,
  })
  const figures = {
    endedAfterMs,
    ended: lastLine(ended),
    refused: lastLine(refused),
    verifyReadOnly: reader.status,
    parts,
  }
  return { figures, broken: [...broken, ...(await worker.flaws())] }
}

/** Real seconds; the session runs 60 times as fast, so each is a minute there. */
const STEPS = ['+0.05', '+0', '-60', '+0', '+60', '+0']

function factsOf(worker: FaultWorker): readonly Fact[] {
  const dir = join(worker.dataDir, journalDir(DAY))
  const facts: Fact[] = []
  for (const { type, bytes, payloadOffset, payloadLength } of readSegments(dir, { onDamage: () => {} })) {
    if (type === ENTRY_FACT)
      facts.push(decodeFact(bytes.subarray(payloadOffset, payloadOffset + payloadLength)))
  }
  return facts
}

async function clockRow(place: Place): Promise<Outcome> {
  const market = await FaultMarket.open(place)
  const worker = market.worker('clock')
  const offset = join(place.dir, 'offset')
  writeFileSync(offset, '+0')
  const run = await worker.live([], {
    LD_PRELOAD: FAKETIME,
    FAKETIME_TIMESTAMP_FILE: offset,
    FAKETIME_NO_CACHE: '1',
    // Else a step back stands every timer still: it would be the tool's fault, not ours.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  })
  await worker.published(2, run)
  for (const step of STEPS) {
    writeFileSync(offset, step)
    await pause(2_500)
  }
  const second = await worker.stream().ended
  const ended = await run.end('SIGTERM')
  const facts = factsOf(worker)
  const minutes = facts.flatMap((fact) => (fact.kind === 'minute' ? [fact.minute] : []))
  const steps = facts.filter(({ kind }) => kind === 'clock').length
  const broken = brokenOf({
    'a minute was finalised twice': new Set(minutes).size === minutes.length,
    'minutes were finalised out of order': minutes.every(
      (minute, at) => at === 0 || minute > minutes[at - 1]!,
    ),
    'steps of an hour were not recorded': steps >= 4,
    'the lock was lost': second.status === 75,
    [`it ended with ${ended.status}: ${lastLine(ended)}`]: ended.status === 0,
  })
  const figures = {
    steps: STEPS.length,
    recorded: steps,
    minutes: minutes.length,
    gaps: worker.gapReasons().length,
  }
  return { figures, broken: [...broken, ...(await worker.flaws())] }
}

export const SLOW_ROWS: readonly FaultRow[] = [
  {
    row: 15,
    name: 'slow disk',
    injects: 'strace: every fdatasync takes 400 ms more, then 1.2 s more',
    mustHold: 'the feed stays, nothing is lost, candles are true; more than a second is told',
    needs: ['strace'],
    isQuick: false,
    run: slowDiskRow,
  },
  {
    row: 16,
    name: 'read-only file system',
    injects:
      'an error in ext4 that the kernel answers by going on read-only; then a start on a read-only mount',
    mustHold: 'ends in one clear line; once writable it goes on with all that was durable',
    needs: ['root', 'loop', 'ext4'],
    isQuick: false,
    run: readOnlyRow,
  },
  {
    row: 17,
    name: 'the wall clock is set',
    injects:
      'libfaketime: one session hour back and forth, then forth and back; three seconds; monotonic time honest',
    mustHold:
      'no minute is finalised twice; complete candles are true; each step of more than a second is recorded',
    needs: ['faketime'],
    isQuick: false,
    run: clockRow,
  },
]
