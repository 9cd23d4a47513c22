/**
 * How far has the lake been curated, and by which version? `analytics/<market>/curation.json` lists the
 * batches that were folded, and while a run is under way that it is. It has no time in it: the same raw
 * answers give the same marker. A version that we do not know is refused before anything is read or written.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import { fileError } from '../platform/durable.ts'
import type { FoldedBatch } from './batches.ts'
import { markerPath } from './layout.ts'

const VERSION = 1

const MarkerShape = z.object({
  schema: z.literal(`chandler.curation.v${VERSION}`),
  /** A run began to change analytics and has not come to its end. */
  underway: z.boolean(),
  batches: z.array(
    z.object({ batch: z.string(), answerCount: z.number(), digest: z.string(), lastFetchedAt: z.number() }),
  ),
})

export type Marker = { readonly underway: boolean; readonly batches: readonly FoldedBatch[] }

/** Throws LAKE_NEWER, or VERIFY_FAILED for a file that this program did not write. */
export function readMarker(dataDir: string, market: string): Marker {
  const path = join(dataDir, markerPath(market))
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return { underway: false, batches: [] }
    throw fileError('reading', path, error)
  }
  const json = parsed(text)
  refuseNewer(path, json)
  const marker = MarkerShape.safeParse(json)
  if (!marker.success) {
    throw new OperatingError(
      `reading ${path}: it is not what curation writes; ` +
        `remove analytics/${market}, it is made again from raw`,
      { code: 'VERIFY_FAILED', cause: marker.error },
    )
  }
  return marker.data
}

export function markerJson({ underway, batches }: Marker): object {
  return { schema: `chandler.curation.v${VERSION}`, underway, batches }
}

function refuseNewer(path: string, json: unknown): void {
  const schema = typeof json === 'object' && json !== null && 'schema' in json ? String(json.schema) : ''
  const version = Number(/^chandler\.curation\.v(\d+)$/.exec(schema)?.[1] ?? 0)
  if (version <= VERSION) return
  throw new OperatingError(
    `reading ${path}: a newer version of this program wrote this lake (${schema}, known is v${VERSION}); ` +
      'nothing was changed, use the newer version',
    { code: 'LAKE_NEWER' },
  )
}

/** Null for text that is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
