/**
 * Every bound of the system, in one table. Units come last in the name.
 *
 * A bound that is hit is never silent: the part that hits it counts it (`kernel/observe.ts`) or throws `limit`.
 */

const KIB = 1024
const MIB = 1024 * KIB

/** Bytes, counts and times that nothing may exceed. */
export const LIMITS = {
  // what travels
  envelopeBytesMax: 64 * KIB,
  topicCharactersMax: 200,
  cborDepthMax: 8,
  cborItemsMax: 16_384,
  frameLifetimeMsMax: 120_000,
  clockSkewMsMax: 30_000,
  replaySendersMax: 4_096,
  replayWindowFrames: 64,
  // signatures
  keyCacheMax: 4_096,
  recheckPerPeerPerSecondMax: 8,
  recheckPeersMax: 1_024,
  // the road
  inboxMessagesMax: 4_096,
  turnMessagesMax: 256,
  seenDigestsMax: 65_536,
  directoryIdentitiesMax: 16_384,
  outboundPerTurnMax: 1_024,
  // consensus
  seatsMax: 32,
  batchEntriesMax: 256,
  openSlotsMax: 4_096,
  openSlotsPerOwnerMax: 4,
  parkedOrdersMax: 4_096,
  parkedOrdersPerOwnerMax: 4,
  objectsMax: 262_144,
  orderBytesMax: 4 * KIB,
  certificateBytesMax: 32 * KIB,
  evidenceBytesMax: 60 * KIB,
  republishPerSlotMsMin: 500,
  republishBatchesPerOrderMax: 4,
  ownBatchesKeptMax: 65_536,
  needReplyMax: 8,
  summaryBuckets: 16,
  // money
  amountMax: Number.MAX_SAFE_INTEGER,
  assetCodeCharactersMax: 12,
  assetDecimalsMax: 12,
  assetsPerAccountMax: 32,
  memoBytesMax: 64,
  outboxOrdersMax: 1_024,
  orderRetryMsMin: 500,
  orderRetryMsMax: 10_000,
  // genesis
  genesisBytesMax: 256 * KIB,
  genesisAssetsMax: 64,
  genesisTerminalsMax: 1_024,
  // identities
  keysPerIdentityMax: 8,
  keyFileBytesMax: 16 * KIB,
  // broker
  brokerClientsMax: 1_024,
  brokerQueuedMessagesMax: 1_000,
  brokerTokenLifetimeMsMax: 60_000,
  brokerNoncesMax: 65_536,
  guestPublishPerSecondMax: 50,
  memberPublishPerSecondMax: 20_000,
  brokerRetainedMax: 16_384,
  linkQueuedMessagesMax: 10_000,
  linkReconnectMsMin: 200,
  linkReconnectMsMax: 5_000,
  // faces
  imagePixelsMax: 50_000_000,
  imageFileBytesMax: 32 * MIB,
  facesPerImageMax: 64,
  templatesPerDeviceMax: 5,
  checkinsPerTerminalMax: 25,
  checkinMsMax: 12 * 3_600_000,
  candidatesPerPaymentMax: 25,
  probesPerTerminalPerMinuteMax: 60,
  probeLogMax: 10_000,
  claimWindowMs: 800,
  cameraFrameBytesMax: 64 * MIB,
  cameraSilenceMs: 5_000,
  cameraRestartsMax: 5,
  modelFileBytesMax: 256 * MIB,
  modelCallsWaitingMax: 256,
  archiveBytesMax: 512 * MIB,
  // sensors and tags
  tagCharactersMax: 256,
  tagsPerSecondMax: 200,
  sensorReadMsMax: 8_000,
  sensorIntervalMsMin: 5_000,
  // doors
  controlLineBytesMax: 64 * KIB,
  controlClientsMax: 8,
  profileBytesMax: 64 * KIB,
  storeValueBytesMax: 16 * MIB,
} as const
