/** Where does a thread's file lie? Run from source it ends in .ts, in the built package in .js. */
export function threadUrl(name: string, besideUrl: string): URL {
  const ending = besideUrl.endsWith('.ts') ? '.ts' : '.js'
  return new URL(`./${name}${ending}`, besideUrl)
}
