import type { Fields, Rule, Schema } from '../../structural.ts';
import { fieldOf } from '../../structural.ts';
import {
  decodedText,
  hasNoTag,
  isEmail,
  isHostname,
  isRepository,
  occurrences,
  scopeIsWellFormed,
  scopeNamesRegistry,
  wildcardIsSubdomain,
} from './grammar.ts';
import { isRequestUri } from './request-uri.ts';

/** The versions of `config.openshift.io` whose image policies are read. */
export type OpenShiftVersion = 'v1' | 'v1alpha1';

/**
 * The `spec` of ClusterImagePolicy and ImagePolicy as their CRDs have it, rule by rule and message by message.
 *
 * `v1alpha1` differs in that it bounds neither issuer, e-mail nor CA bundles, and does not look into keys.
 * @see reference/openshift-containers.md §1.1, §1.2
 */
export function specSchema(version: OpenShiftVersion): Schema {
  const v1 = version === 'v1';
  const bound = (length: number): number => (v1 ? length : Number.POSITIVE_INFINITY);

  const pem = (minLength: number, maxLength: number, rules: readonly Rule<string>[]): Schema =>
    text({ base64: true, minLength, maxLength, rules });
  const key = (field: string, minLength: number): Schema =>
    pem(minLength, 8192, v1 ? markers(field, 'PUBLIC KEY') : []);
  const bundle = (field: string): Schema =>
    pem(v1 ? 72 : 0, bound(8192), [...markers(field, 'CERTIFICATE'), paired(field)]);

  const publicKey = object({ keyData: key('keyData', 68), rekorKeyData: key('rekorKeyData', 0) }, ['keyData']);
  const fulcioCAWithRekor = object(
    {
      fulcioCAData: pem(0, 8192, v1 ? markers('fulcioCAData', 'CERTIFICATE') : []),
      fulcioSubject: object(
        {
          oidcIssuer: text({
            maxLength: bound(2048),
            rules: [{ message: 'oidcIssuer must be a valid URL', holds: isRequestUri }],
          }),
          signedEmail: text({ maxLength: bound(320), rules: [EMAIL] }),
        },
        ['oidcIssuer', 'signedEmail'],
      ),
      rekorKeyData: key('rekorKeyData', 0),
    },
    ['fulcioCAData', 'fulcioSubject', 'rekorKeyData'],
  );
  const pki = object(
    {
      caIntermediatesData: bundle('caIntermediatesData'),
      caRootsData: bundle('caRootsData'),
      pkiCertificateSubject: object(
        { email: text({ maxLength: 320, rules: [EMAIL] }), hostname: text({ maxLength: 253, rules: [HOSTNAME] }) },
        [],
        [SUBJECT_NOT_EMPTY],
      ),
    },
    ['caRootsData', 'pkiCertificateSubject'],
  );

  const rootOfTrust = object(
    { fulcioCAWithRekor, pki, policyType: oneOf('PublicKey', 'FulcioCAWithRekor', 'PKI'), publicKey },
    ['policyType'],
    [
      member('policyType', 'PKI', 'pki'),
      member('policyType', 'PublicKey', 'publicKey'),
      member('policyType', 'FulcioCAWithRekor', 'fulcioCAWithRekor'),
    ],
  );
  const signedIdentity = object(
    {
      exactRepository: object({ repository: REPOSITORY }, ['repository']),
      matchPolicy: oneOf('MatchRepoDigestOrExact', 'MatchRepository', 'ExactRepository', 'RemapIdentity'),
      remapIdentity: object({ prefix: REPOSITORY, signedPrefix: REPOSITORY }, ['prefix', 'signedPrefix']),
    },
    ['matchPolicy'],
    [
      member('matchPolicy', 'ExactRepository', 'exactRepository'),
      member('matchPolicy', 'RemapIdentity', 'remapIdentity'),
    ],
  );
  return object({ policy: object({ rootOfTrust, signedIdentity }, ['rootOfTrust']), scopes: SCOPES }, [
    'policy',
    'scopes',
  ]);
}

type Text = Schema & { readonly type: 'string' };

function text(how: Partial<Omit<Text, 'type'>>): Text {
  return { type: 'string', minLength: 0, maxLength: 512, oneOf: [], base64: false, rules: [], ...how };
}

function oneOf(...values: readonly string[]): Text {
  return text({ oneOf: values });
}

function object(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  rules: readonly Rule<Fields>[] = [],
): Schema {
  return { type: 'object', properties, required, rules };
}

/** A field that its discriminator asks for, and that is forbidden under every other. */
function member(discriminator: string, value: string, field: string): Rule<Fields> {
  return {
    message: `${field} is required when ${discriminator} is ${value}, and forbidden otherwise`,
    holds: (fields) => (fieldOf(fields, discriminator) === value) === (fieldOf(fields, field) !== undefined),
  };
}

/** A PEM's first and last line, and at most one line feed behind them. */
function markers(field: string, label: string): readonly Rule<string>[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  return [
    {
      message: `the ${field} must start with base64 encoding of '${begin}'.`,
      holds: (base64) => decodedText(base64)?.startsWith(begin) ?? false,
    },
    {
      message: `the ${field} must end with base64 encoding of '${end}'.`,
      holds: (base64) => {
        const pem = decodedText(base64);
        return pem !== undefined && (pem.endsWith(`${end}\n`) || pem.endsWith(end));
      },
    },
  ];
}

function paired(field: string): Rule<string> {
  const begin = '-----BEGIN CERTIFICATE-----';
  const end = '-----END CERTIFICATE-----';
  return {
    message: `${field} must be base64 encoding of valid PEM format data contain the same number of '${begin}' and '${end}' markers.`,
    holds: (base64) => {
      const pem = decodedText(base64);
      return pem !== undefined && occurrences(pem, begin) === occurrences(pem, end);
    },
  };
}

const EMAIL: Rule<string> = { message: 'invalid email address', holds: isEmail };

const HOSTNAME: Rule<string> = {
  message:
    "hostname must be a valid dns 1123 subdomain name, optionally prefixed by '*.'. It must consist only of lowercase alphanumeric characters, hyphens, periods and the optional preceding asterisk.",
  holds: isHostname,
};

const SUBJECT_NOT_EMPTY: Rule<Fields> = {
  message: 'at least one of email or hostname must be set in pkiCertificateSubject',
  holds: (subject) => fieldOf(subject, 'email') !== undefined || fieldOf(subject, 'hostname') !== undefined,
};

const REPOSITORY = text({
  rules: [
    {
      message: 'invalid repository or prefix in the signedIdentity, should not include the tag or digest',
      holds: hasNoTag,
    },
    {
      message:
        "invalid repository or prefix in the signedIdentity. The repository or prefix must starts with 'localhost' or a valid '.' separated domain. If contains registry paths, the path component names must start with at least one letter or number, with following parts able to be separated by one period, one or two underscore and multiple dashes.",
      holds: isRepository,
    },
  ],
});

const SCOPES: Schema = {
  type: 'array',
  maxItems: 256,
  set: true,
  items: text({
    rules: [
      {
        message: "invalid image scope format, scope must contain a fully qualified domain name or 'localhost'",
        holds: scopeNamesRegistry,
      },
      {
        message:
          'invalid image scope with wildcard, a wildcard can only be at the start of the domain and is only supported for subdomain matching, not path matching',
        holds: wildcardIsSubdomain,
      },
      {
        message: 'invalid repository namespace or image specification in the image scope',
        holds: scopeIsWellFormed,
      },
    ],
  }),
};
