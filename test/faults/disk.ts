/** How is a real disk broken? File systems in image files on loop devices, and small ones in memory. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Place, tool } from './place.ts'

export type FileSystem = 'ext4' | 'xfs'

const BUSY_TRIES_MAX = 50

/** An image with a file system, mounted at `path`. */
export class ImageDisk {
  readonly path: string
  readonly #image: string
  readonly #options: string

  constructor(
    place: Place,
    kind: FileSystem,
    options: { readonly inDir?: string; readonly mount?: string } = {},
  ) {
    const name = `${kind}-${Math.random().toString(36).slice(2, 8)}`
    this.#image = join(options.inDir ?? place.dir, `${name}.img`)
    this.path = join(place.dir, name)
    this.#options = ['loop', ...(options.mount === undefined ? [] : [options.mount])].join(',')
    mkdirSync(this.path)
    tool('truncate', '-s', '600M', this.#image)
    if (kind === 'ext4')
      tool('mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=1,lazy_journal_init=1', this.#image)
    else tool('mkfs.xfs', '-q', '-f', this.#image)
    this.mount()
    place.after(`the mount ${name}`, () => this.unmount())
  }

  mount(options: string = this.#options): void {
    tool('mount', '-o', options, this.#image, this.path)
  }

  get isMounted(): boolean {
    return readFileSync('/proc/mounts', 'utf8').includes(` ${this.path} `)
  }

  /** Waits while a process that was just killed still holds it. */
  async unmount(): Promise<void> {
    for (let tries = 1; this.isMounted; tries++) {
      try {
        tool('umount', this.path)
      } catch (error) {
        if (tries > BUSY_TRIES_MAX) throw error
        await pause(100)
      }
    }
  }

  /** From this call on nothing reaches the image any more, not even what was handed to the kernel. */
  cutPower(): void {
    tool('xfs_io', '-x', '-c', 'shutdown', this.path)
  }

  /**
   * One page for each request. Where the memory under the image ends within a request, the loop driver calls
   * the part that it could store a success of the whole: a drive that lies, of which nothing is promised.
   */
  makeHonest(): void {
    writeFileSync(`/sys/block/${this.#device()}/queue/max_sectors_kb`, '4')
  }

  #device(): string {
    return basename(tool('findmnt', '-no', 'SOURCE', this.path).trim())
  }

  /** ext4 alone: the kernel finds an error and goes on read-only, whatever is open. */
  turnReadOnly(): void {
    writeFileSync(`/sys/fs/ext4/${this.#device()}/trigger_fs_error`, 'broken on purpose')
  }
}

/** A file system in memory of the given size; returns where. */
export function mountMemory(place: Place, size: string): string {
  const path = join(place.dir, `memory-${Math.random().toString(36).slice(2, 8)}`)
  mkdirSync(path)
  tool('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path)
  place.after(`the mount ${basename(path)}`, () => void tool('umount', path))
  return path
}

export function resizeMemory(path: string, size: string): void {
  tool('mount', '-o', `remount,size=${size}`, path)
}
