/** Which instruments stand for the market's roles? Versioned, and known by the hash of its content. */

export type ProxyRole = {
  /** `equity_core`, `growth`, `small_caps`, `volatility`, `rates`, `credit`, `index`, `banks`, `breadth` … */
  readonly role: string
  readonly symbols: readonly string[]
}

export type ProxySet = {
  readonly schema: 'chandler.proxy_set.v1'
  readonly market: string
  /** Semantic version. */
  readonly version: string
  readonly roles: readonly ProxyRole[]
  /** Symbols without which nothing is canonical: all of the roles unless the file names fewer. */
  readonly required: readonly string[]
  /** SHA-256 of the canonical form of the definition. */
  readonly sha256: string
}
