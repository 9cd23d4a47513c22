/** What does the rest of the system see of SmartAPI (Angel One)? */

export { decodePacket } from './decode.ts'
export { encodePacket } from './encode.ts'
export {
  type Master,
  masterBaseUrl,
  masterPath,
  masterRequest,
  parseMaster,
  surveyMaster,
} from './master.ts'
export { readPacket } from './packet.ts'
export { errorFrame, parseSubscribeRequest, smartapiStandIn } from './stand-in.ts'
export { smartapi } from './venue.ts'
