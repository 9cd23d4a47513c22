/**
 * How is a real network broken? Two network namespaces and a cable between them. Plain ws:// is accepted only
 * to this machine's loopback, so both ends keep loopback addresses: the worker's namespace has no loopback of
 * its own, and 127.0.0.1 is reached over the cable.
 */
import { spawnSync } from 'node:child_process'
import { type Place, tool } from './place.ts'

const EXCHANGE_CABLE = '127.1.0.1'
const WORKER_CABLE = '127.1.0.2'

export class Cable {
  /** Run a program at either end; it becomes the program. */
  readonly atExchange: readonly string[]
  readonly atWorker: readonly string[]
  readonly #exchange: string
  readonly #worker: string

  constructor(place: Place) {
    const id = `${process.pid}-${Math.random().toString(36).slice(2, 6)}`
    this.#exchange = `chandler-x-${id}`
    this.#worker = `chandler-w-${id}`
    this.atExchange = ['ip', 'netns', 'exec', this.#exchange]
    this.atWorker = ['ip', 'netns', 'exec', this.#worker]
    for (const name of [this.#exchange, this.#worker]) {
      tool('ip', 'netns', 'add', name)
      place.after(`the namespace ${name}`, () => void tool('ip', 'netns', 'del', name))
    }
    tool(
      'ip',
      'link',
      'add',
      'cable-x',
      'netns',
      this.#exchange,
      'type',
      'veth',
      'peer',
      'name',
      'cable-w',
      'netns',
      this.#worker,
    )
    this.#ip(this.#exchange, 'link set lo up')
    // The whole of 127/8 would be local, the worker's end too.
    this.#ip(this.#exchange, 'addr add 127.0.0.1/32 dev lo')
    this.#ip(this.#exchange, 'addr del 127.0.0.1/8 dev lo')
    this.#plug(this.#exchange, 'cable-x', EXCHANGE_CABLE)
    this.#plug(this.#worker, 'cable-w', WORKER_CABLE)
    this.#ip(this.#worker, `route add 127.0.0.1/32 via ${EXCHANGE_CABLE} dev cable-w src ${WORKER_CABLE}`)
  }

  #plug(name: string, device: string, address: string): void {
    this.#ip(name, `link set ${device} up`)
    for (const key of ['route_localnet=1', 'rp_filter=0']) {
      const keys = [`net.ipv4.conf.all.${key}`, `net.ipv4.conf.${device}.${key}`]
      tool('ip', 'netns', 'exec', name, 'sysctl', '-qw', ...keys)
    }
    this.#ip(name, `addr add ${address}/24 dev ${device}`)
  }

  #ip(name: string, words: string): void {
    tool('ip', '-n', name, ...words.split(' '))
  }

  /** Nothing comes from the exchange any more, not even an acknowledgement; nobody is told. */
  goSilent(): void {
    this.#ip(this.#exchange, `route add blackhole ${WORKER_CABLE}/32`)
  }

  speak(): void {
    this.#ip(this.#exchange, `route del blackhole ${WORKER_CABLE}/32`)
  }

  /** The kernel breaks every connection of the worker. */
  reset(): void {
    tool(...(this.atWorker as ['ip']), 'ss', '-K', 'dst', '127.0.0.1')
  }

  /** From the exchange to the worker, in kbit/s; null for as fast as it is. */
  limit(kbits: number | null): void {
    const [program, ...words] = this.atExchange as [string, ...string[]]
    spawnSync(program, [...words, 'tc', 'qdisc', 'del', 'dev', 'cable-x', 'root'], { stdio: 'ignore' })
    if (kbits === null) return
    const shape = ['tbf', 'rate', `${kbits}kbit`, 'burst', '4kb', 'limit', '64kb']
    tool(program, ...words, 'tc', 'qdisc', 'add', 'dev', 'cable-x', 'root', ...shape)
  }
}
