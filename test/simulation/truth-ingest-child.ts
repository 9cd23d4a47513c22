/**
 * Records a verdict of gate 1 in a process of its own, to be killed: <dir> <number of the session>
 * <verdict>.
 */
import { TruthLake } from '../gates/truth-lake.ts'

const [dir, at, verdict] = process.argv.slice(2)
new TruthLake(dir!, { isMade: true }).ingest(Number(at), verdict as 'pass' | 'review')
