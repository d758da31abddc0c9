import type { ArtifactLayer } from '../../../src/cli/demo/artifacts.ts';
import { simpleSigningPayload } from '../../../src/cli/demo/signer.ts';
import { issue, leafExtensions } from '../../fixtures/certificates.ts';
import {
  ann,
  certifiedLayer,
  entryFor,
  intermediate,
  otherRekor,
  publicPem,
  rekor,
  root,
} from '../../signatures/certified.ts';
import type { Case, Place } from './case.ts';
import { attached, base64, byKey, good, key, wants } from './sigstore.ts';

const LOG = base64(publicPem(rekor.publicKey));
const OTHER_LOG = base64(publicPem(otherRekor.publicKey));
const FULCIO = { caData: base64(root.pem), oidcIssuer: 'https://issuer.example', subjectEmail: 'ann@example.com' };
const PKI = {
  caRootsData: base64(root.pem),
  caIntermediatesData: base64(intermediate.pem),
  subjectEmail: 'ann@example.com',
};
const HOUR = 3_600_000;
const current = issue(intermediate, {
  extensions: leafExtensions(),
  notBefore: Date.now() - HOUR,
  notAfter: Date.now() + HOUR,
});

const certified =
  (options: Parameters<typeof certifiedLayer>[1] = {}) =>
  (place: Place): readonly ArtifactLayer[] => [
    certifiedLayer(place.image, { payload: simpleSigningPayload(place.image.digest, place.repository), ...options }),
  ];

/** Signed by the key, and taken in by a log. */
const logged =
  (log = rekor.privateKey) =>
  (place: Place): readonly ArtifactLayer[] =>
    good(place).map((one) => {
      const { annotations = {} } = one;
      const signature = annotations['dev.cosignproject.cosign/signature'] ?? '';
      const entry = entryFor(one.bytes, signature, key.publicKeyPem, { log });
      return {
        ...one,
        annotations: { ...annotations, 'dev.sigstore.cosign/bundle': entry },
      };
    });

/** Who may have signed where no key is named: logs, and authorities (openshift-containers.md §2.3, §4). */
export const ROOT_CASES: readonly Case[] = [
  attached('a key and a log', 'runs', logged(), () => [wants({ ...byKey(), rekorPublicKeyData: LOG })]),
  attached('a key and a log, of two', 'runs', logged(), () => [
    wants({ ...byKey(), rekorPublicKeyDatas: [OTHER_LOG, LOG] }),
  ]),
  attached('a key and another log', 'refused', logged(otherRekor.privateKey), () => [
    wants({ ...byKey(), rekorPublicKeyData: LOG }),
  ]),
  attached('a key and no log entry', 'refused', good, () => [wants({ ...byKey(), rekorPublicKeyData: LOG })]),
  attached('a log entry that nobody asked for', 'runs', logged(otherRekor.privateKey)),
  attached('Fulcio', 'runs', certified(), () => [wants({ fulcio: FULCIO, rekorPublicKeyData: LOG })]),
  attached('Fulcio, another address', 'refused', certified(), () => [
    wants({ fulcio: { ...FULCIO, subjectEmail: 'bob@example.com' }, rekorPublicKeyData: LOG }),
  ]),
  attached('Fulcio, another issuer', 'refused', certified(), () => [
    wants({ fulcio: { ...FULCIO, oidcIssuer: 'https://other.example' }, rekorPublicKeyData: LOG }),
  ]),
  attached('Fulcio, another log', 'refused', certified(), () => [
    wants({ fulcio: FULCIO, rekorPublicKeyData: OTHER_LOG }),
  ]),
  attached('Fulcio, no log entry', 'refused', certified({ entry: 'none' }), () => [
    wants({ fulcio: FULCIO, rekorPublicKeyData: LOG }),
  ]),
  attached('Fulcio, by path', 'runs', certified(), (place) => [
    wants({
      fulcio: { ...FULCIO, caData: undefined, caPath: place.folder.write(`${place.name}.ca`, root.pem) },
      rekorPublicKeyPath: place.folder.write(`${place.name}.log`, publicPem(rekor.publicKey)),
    }),
  ]),
  attached('Fulcio, the key of the certificate alone', 'refused', certified(), () => [
    wants({ keyData: base64(publicPem(ann.keys.publicKey)), rekorPublicKeyData: LOG }),
  ]),
  attached('PKI', 'runs', certified({ leaf: current, entry: 'none' }), () => [wants({ pki: PKI })]),
  attached('PKI, another address', 'refused', certified({ leaf: current, entry: 'none' }), () => [
    wants({ pki: { ...PKI, subjectEmail: 'bob@example.com' } }),
  ]),
  attached(
    'PKI, address and host, of which the host is not there',
    'refused',
    certified({ leaf: current, entry: 'none' }),
    () => [wants({ pki: { ...PKI, subjectHostname: 'host.example.com' } })],
  ),
  attached('PKI, expired', 'refused', certified({ entry: 'none' }), () => [wants({ pki: PKI })]),
  attached('PKI, by path', 'runs', certified({ leaf: current, entry: 'none' }), (place) => [
    wants({ pki: { subjectEmail: 'ann@example.com', caRootsPath: place.folder.write(`${place.name}.ca`, root.pem) } }),
  ]),
];
