import { CandleFold } from '../src/candles/fold.ts'
import { smartapi } from '../src/venues/smartapi/index.ts'
import { generateDay, RecordedDay } from './session.ts'
const rate = Number(process.argv[2] ?? 133)
const minutes = Number(process.argv[3] ?? 375)
const rec = new RecordedDay(generateDay(3000, rate), minutes, rate * minutes * 60 * 3)
if (process.argv[4] === 'sab') {
  const sab = new Uint8Array(new SharedArrayBuffer(rec.bytes.byteLength)); sab.set(rec.bytes)
  Object.assign(rec, { bytes: sab, view: new DataView(sab.buffer) })
}
const out: number[] = []
for (let i = 0; i < 12; i++) {
  const fold = new CandleFold({ venue: smartapi, lateness: 'live', onCandles: () => {} })
  const s = process.threadCpuUsage()
  rec.foldInto(fold)
  const e = process.threadCpuUsage(s)
  out.push((e.user + e.system) * 1000 / rec.packetCount)
}
console.log(rec.packetCount, out.map((x) => x.toFixed(0)).join(' '), 'min', Math.min(...out).toFixed(1))
