/**
 * How do we ask over HTTP? One request, one answer, everything bounded: time, body size, redirects
 * (none). Retrying is the caller's question. A body is always text: vendors answer HTML and plain
 * text where JSON was promised, and the venue decides what it means.
 */
import { messageOf, OperatingError } from '../domain/error.ts'
import type { HttpReply, HttpRequest } from '../domain/venue.ts'

export type HttpLimits = {
  /** Whole exchange, connect to last byte, in real ms. */
  readonly timeoutMs: number
  readonly bodyMaxBytes: number
}

export type SendRequest = (request: HttpRequest) => Promise<HttpReply>

export const HTTP_LIMITS: HttpLimits = { timeoutMs: 10_000, bodyMaxBytes: 32 * 1024 * 1024 }

/** Rejects with VENDOR_UNREACHABLE (retryable) when no whole answer came; any status is an answer. */
export function createSender(baseUrl: string, limits: HttpLimits = HTTP_LIMITS): SendRequest {
  return async (request) => {
    const url = new URL(request.path, baseUrl)
    try {
      const response = await fetch(url, {
        method: request.method,
        headers: { ...request.headers },
        redirect: 'manual',
        signal: AbortSignal.timeout(limits.timeoutMs),
        ...(request.body === undefined ? {} : { body: request.body }),
      })
      const body = await readBounded(response, limits.bodyMaxBytes)
      return { status: response.status, headers: Object.fromEntries(response.headers), body }
    } catch (error) {
      throw new OperatingError(
        `asking ${url.origin}${url.pathname}: ${rootMessage(error)}; ` +
          'check the network and the configured URL',
        { code: 'VENDOR_UNREACHABLE', retryable: true, cause: error },
      )
    }
  }
}

async function readBounded(response: Response, bodyMaxBytes: number): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  let text = ''
  let sizeBytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    sizeBytes += value.byteLength
    if (sizeBytes > bodyMaxBytes) {
      await reader.cancel()
      throw new Error(`the answer is longer than ${bodyMaxBytes} bytes`)
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** `fetch` hides what happened ("fetch failed") in the cause. */
function rootMessage(error: unknown): string {
  let at = error
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  return messageOf(at)
}
