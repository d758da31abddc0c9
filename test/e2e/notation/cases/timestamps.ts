import { issueIntermediate } from '../../../fixtures/certificates.ts';
import { admitted, type Case, inBothForms, type Place, type Question, refused } from '../case.ts';
import { attachForged, sign, signerBelowAcme } from '../sign.ts';
import { inHours } from '../signers.ts';

/** A policy that asks one timestamp authority, always unless something else is said. */
function asks(place: Place, members: object = {}, root = place.timestamps.root): Question {
  return {
    statement: { trustStores: ['ca:acme', 'tsa:timestamps'], ...members },
    stores: { 'ca/acme/root.pem': place.acme.pem, 'tsa/timestamps/root.pem': root.pem },
  };
}
const AFTER_EXPIRY = { signatureVerification: { level: 'strict', verifyTimestamp: 'afterCertExpiry' } } as const;

/** Signs with a certificate that expires in a few seconds, after which everybody is asked. */
async function signedInTime(
  place: Place,
  format: 'jws' | 'cose',
  question: (place: Place) => Question,
): Promise<Question> {
  const notAfter = Math.floor(Date.now() / 1000) * 1000 + 10_000;
  await sign(place, { format, timestamps: place.timestamps }, signerBelowAcme(place, { notAfter }));
  return { ...question(place), notBefore: notAfter + 1_000 };
}

/** A timestamp over other bytes than the signature: it was made for another envelope. */
async function borrowed(place: Place, format: 'jws' | 'cose'): Promise<Question> {
  const token = place.timestamps.tokenOver(Buffer.from('another signature'));
  await attachForged(place, format, { timestampToken: () => token });
  return asks(place);
}

const NO_TOKEN = /no timestamp countersignature was found/;

/** Timestamps by openssl as the authority (notation-ratify.md §1.10). */
export const TIMESTAMP_CASES: readonly Case[] = [
  ...inBothForms((format) =>
    admitted('a timestamp by an authority that the policy asks', async (place) => {
      await sign(place, { format, timestamps: place.timestamps });
      return asks(place);
    }),
  ),
  ...(['rsa3072', 'p384', 'p521'] as const).map((kind) =>
    admitted(`a timestamp over a signature by ${kind}`, async (place) => {
      await sign(place, { timestamps: place.timestamps }, place.signers[kind]);
      return asks(place);
    }),
  ),
  ...inBothForms((format) =>
    admitted('a certificate that has expired since, and a timestamp from before [notation-ratify 79]', (place) =>
      signedInTime(place, format, asks),
    ),
  ),
  admitted('the same, where timestamps count only after that', (place) =>
    signedInTime(place, 'jws', (there) => asks(there, AFTER_EXPIRY)),
  ),
  ...inBothForms((format) =>
    refused(
      'the same, where nobody is asked for timestamps [notation-ratify 79]',
      /verification time is after certificate/,
      'CERTIFICATE_EXPIRED',
      (place) => signedInTime(place, format, () => ({})),
    ),
  ),
  refused(
    'the same, by an authority that the policy does not ask',
    /failed to verify the timestamp countersignature/,
    'TIMESTAMP_INVALID',
    (place) => signedInTime(place, 'jws', (there) => asks(there, {}, there.otherTimestamps.root)),
  ),
  ...inBothForms((format) =>
    refused(
      'a certificate that had expired before the timestamp [notation-ratify 80]',
      /timestamp can be after certificate/,
      'CERTIFICATE_EXPIRED',
      async (place) => {
        const signer = signerBelowAcme(place, { notAfter: inHours(-1) });
        await sign(place, { format, at: inHours(-2), timestamps: place.timestamps }, signer);
        return asks(place);
      },
    ),
  ),
  refused(
    'a certificate that was not valid yet at the timestamp [notation-ratify 81]',
    /timestamp can be before certificate/,
    'CERTIFICATE_NOT_YET_VALID',
    async (place) => {
      const signer = signerBelowAcme(place, { notBefore: inHours(1) });
      await sign(place, { at: inHours(2), timestamps: place.timestamps }, signer);
      return asks(place);
    },
  ),
  ...inBothForms((format) =>
    refused(
      'no timestamp, and the policy asks always [notation-ratify 82]',
      NO_TOKEN,
      'TIME_UNPROVEN',
      async (place) => {
        await sign(place, { format });
        return asks(place);
      },
    ),
  ),
  admitted(
    'no timestamp, and the policy asks only after the certificate has expired [notation-ratify 82]',
    async (place) => {
      await sign(place);
      return asks(place, AFTER_EXPIRY);
    },
  ),
  refused('no timestamp, and the certificate has expired', NO_TOKEN, 'CERTIFICATE_EXPIRED', async (place) => {
    await sign(place, { at: inHours(-2) }, signerBelowAcme(place, { notAfter: inHours(-1) }));
    return asks(place, AFTER_EXPIRY);
  }),
  refused(
    'no timestamp, the policy asks only after expiry, and the certificate is not valid yet',
    /verification time is before certificate/,
    'CERTIFICATE_NOT_YET_VALID',
    async (place) => {
      await sign(place, { at: inHours(2) }, signerBelowAcme(place, { notBefore: inHours(1) }));
      return asks(place, AFTER_EXPIRY);
    },
  ),
  admitted('no timestamp, at the level permissive', async (place) => {
    await sign(place);
    return asks(place, { signatureVerification: { level: 'permissive' } });
  }),
  ...inBothForms((format) =>
    refused(
      'a timestamp over other bytes [notation-ratify 83]',
      /failed to get timestamp from timestamp countersignature|mismatch/,
      'TIMESTAMP_INVALID',
      (place) => borrowed(place, format),
    ),
  ),
  admitted('a timestamp over other bytes, where nobody is asked for timestamps', async (place) => {
    await borrowed(place, 'jws');
    return {};
  }),
  admitted('a timestamp over other bytes, at the level permissive', async (place) => {
    await borrowed(place, 'jws');
    return asks(place, { signatureVerification: { level: 'permissive' } });
  }),
  ...inBothForms((format) =>
    refused(
      'a timestamp by another authority [notation-ratify 84]',
      /failed to verify the timestamp countersignature/,
      'TIMESTAMP_INVALID',
      async (place) => {
        await sign(place, { format, timestamps: place.otherTimestamps });
        return asks(place);
      },
    ),
  ),
  ...inBothForms((format) =>
    refused(
      'a timestamp that is none',
      /failed to parse timestamp countersignature/,
      'TIMESTAMP_INVALID',
      async (place) => {
        await attachForged(place, format, { timestampToken: () => Buffer.from('no timestamp') });
        return asks(place);
      },
    ),
  ),
  refused('a timestamp with a byte changed', /cms verification failure/, 'TIMESTAMP_INVALID', async (place) => {
    const timestampToken = (signature: Uint8Array) => {
      const token = place.timestamps.tokenOver(signature);
      // The authority's own signature stands at the end.
      token.writeUInt8(token.readUInt8(token.length - 5) ^ 1, token.length - 5);
      return token;
    };
    await attachForged(place, 'jws', { timestampToken });
    return asks(place);
  }),
  ...inBothForms((format) =>
    admitted('a timestamp over an envelope of our own making', async (place) => {
      await attachForged(place, format, { timestampToken: place.timestamps.tokenOver });
      return asks(place);
    }),
  ),
  refused(
    'a timestamp authority whose certificate is revoked [notation-ratify 90]',
    /timestamping certificate with subject .* is revoked/,
    'CERTIFICATE_REVOKED',
    async (place) => {
      await attachForged(place, 'jws', { timestampToken: place.revokedTimestamps.tokenOver });
      return asks(place, {}, place.revokedTimestamps.root);
    },
  ),
  refused(
    'the same, where revocation is skipped [notation-ratify 90]',
    /timestamping certificate with subject .* is revoked/,
    'CERTIFICATE_REVOKED',
    async (place) => {
      await attachForged(place, 'cose', { timestampToken: place.revokedTimestamps.tokenOver });
      return asks(
        place,
        { signatureVerification: { level: 'strict', override: { revocation: 'skip' } } },
        place.revokedTimestamps.root,
      );
    },
  ),
  refused(
    'an authority in the store that is no root [notation-ratify 84]',
    /failed to load tsa trust store/,
    'TRUST_MATERIAL_UNAVAILABLE',
    async (place) => {
      await sign(place, { timestamps: place.timestamps });
      return asks(place, {}, issueIntermediate(place.timestamps.root, 'no root'));
    },
  ),
];
