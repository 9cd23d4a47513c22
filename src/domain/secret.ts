/**
 * How does a secret stay secret? It has no printable form: templates, JSON and inspect all show
 * `[redacted]`, and only the code that builds a request calls `reveal()`.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[redacted]'
  }

  toJSON(): string {
    return '[redacted]'
  }
}
