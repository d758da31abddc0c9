import { AUTHORITY_CASES } from './notation/cases/authorities.ts';
import { CERTIFICATE_CASES } from './notation/cases/certificates.ts';
import { CHAIN_CASES } from './notation/cases/chains.ts';
import { COSE_CASES } from './notation/cases/cose.ts';
import { DOCUMENT_CASES } from './notation/cases/documents.ts';
import { JWS_CASES } from './notation/cases/jws.ts';
import { KEY_CASES } from './notation/cases/keys.ts';
import { LEVEL_CASES } from './notation/cases/levels.ts';
import { LIMIT_CASES } from './notation/cases/limits.ts';
import { LOOSENED_CASES } from './notation/cases/loosened.ts';
import { NAME_CASES } from './notation/cases/names.ts';
import { PAYLOAD_CASES } from './notation/cases/payloads.ts';
import { REGISTRY_CASES } from './notation/cases/registry.ts';
import { REVOCATION_CASES } from './notation/cases/revocation.ts';
import { SEVERAL_CASES } from './notation/cases/several.ts';
import { STORAGE_CASES } from './notation/cases/storage.ts';
import { TIME_CASES } from './notation/cases/times.ts';
import { TIMESTAMP_CASES } from './notation/cases/timestamps.ts';
import { TRUST_CASES } from './notation/cases/trust.ts';
import { judged } from './notation/suite.ts';
import { describeWith } from './tools.ts';

const GROUPS = {
  keys: KEY_CASES,
  storage: STORAGE_CASES,
  several: SEVERAL_CASES,
  payloads: PAYLOAD_CASES,
  times: TIME_CASES,
  levels: LEVEL_CASES,
  JWS: JWS_CASES,
  COSE: COSE_CASES,
  chains: CHAIN_CASES,
  certificates: CERTIFICATE_CASES,
  trust: TRUST_CASES,
  documents: DOCUMENT_CASES,
  authorities: AUTHORITY_CASES,
  timestamps: TIMESTAMP_CASES,
  revocation: REVOCATION_CASES,
  registry: REGISTRY_CASES,
  limits: LIMIT_CASES,
  loosened: LOOSENED_CASES,
  names: NAME_CASES,
};

describeWith(
  ['notation-go', 'docker-registry', 'registry', 'openssl'],
  'notation and countersign, of trust policies',
  () => judged(GROUPS),
);
