/** Which thread compresses one sealed segment, and ends? See compress.ts. */
import { workerData } from 'node:worker_threads'
import { compressFile } from './compress.ts'

compressFile(workerData as string)
