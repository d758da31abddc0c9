import { EXTENSION_CASES } from './policy-json/extensions.ts';
import { IDENTITY_CASES } from './policy-json/identities.ts';
import { KEYRING_CASES } from './policy-json/keyrings.ts';
import { LOOKASIDE_CASES } from './policy-json/lookaside.ts';
import { MESSAGE_CASES } from './policy-json/messages.ts';
import { MIRROR_CASES } from './policy-json/mirrors.ts';
import { PARSING_CASES } from './policy-json/parsing.ts';
import { PAYLOAD_CASES } from './policy-json/payloads.ts';
import { PLATFORM_CASES } from './policy-json/platforms.ts';
import { REGISTRIES_D_CASES } from './policy-json/registries-d.ts';
import { REQUIREMENT_CASES } from './policy-json/requirements.ts';
import { SCOPE_CASES } from './policy-json/scopes.ts';
import { SIGSTORE_CASES } from './policy-json/sigstore.ts';
import { ROOT_CASES } from './policy-json/sigstore-roots.ts';
import { judged } from './policy-json/suite.ts';
import { describeWith } from './tools.ts';

const GROUPS = {
  parsing: PARSING_CASES,
  scopes: SCOPE_CASES,
  requirements: REQUIREMENT_CASES,
  identities: IDENTITY_CASES,
  payloads: PAYLOAD_CASES,
  messages: MESSAGE_CASES,
  keyrings: KEYRING_CASES,
  'registries.d': REGISTRIES_D_CASES,
  lookaside: LOOKASIDE_CASES,
  extension: EXTENSION_CASES,
  platforms: PLATFORM_CASES,
  mirrors: MIRROR_CASES,
  sigstore: SIGSTORE_CASES,
  'roots of sigstore': ROOT_CASES,
};

describeWith(['skopeo', 'gpg', 'docker-registry'], 'skopeo and countersign, of policy.json', () =>
  judged('skopeo', GROUPS),
);
describeWith(['containers-image', 'gpg', 'docker-registry'], 'containers/image and countersign, of policy.json', () =>
  judged('current', GROUPS),
);
