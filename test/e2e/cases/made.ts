import { COSIGN_FORMS, type CosignForm, type CosignKey, generateKey, sign } from '../cosign.ts';
import type { KeyPolicy, NamePolicy, Verdict } from '../judges.ts';
import { type Bench, type Case, MATCH_REPOSITORY } from './case.ts';

const EXACT: NamePolicy = { matchPolicy: 'MatchRepoDigestOrExact' };
const REFERRERS = 'sigstore bundles and other referrers';

type Made = {
  readonly title: string;
  /** With a signature under the tag, which is all that containers/image reads; without a difference everywhere else. */
  readonly verdict: Verdict;
  readonly names: NamePolicy;
  /** The name that cosign is told to sign for, instead of the repository. */
  readonly identity?: (bench: Bench) => string;
  readonly otherKey?: boolean;
};

const MADE: readonly Made[] = [
  { title: 'for the repository', verdict: 'runs', names: MATCH_REPOSITORY },
  { title: 'for the repository, where the policy asks for the tag', verdict: 'refused', names: EXACT },
  {
    title: 'for the tag, where the policy asks for the tag',
    verdict: 'runs',
    names: EXACT,
    identity: ({ repository }) => `${repository}:1`,
  },
  {
    title: 'for another tag, where the policy asks for the tag',
    verdict: 'refused',
    names: EXACT,
    identity: ({ repository }) => `${repository}:2`,
  },
  { title: 'by another key', verdict: 'refused', names: MATCH_REPOSITORY, otherKey: true },
];

/** Signatures that released versions of cosign made, in each of their forms. */
export const MADE_CASES: readonly Case[] = COSIGN_FORMS.flatMap((form) =>
  form.named ? MADE.map((made) => namedCase(form, made)) : [unnamedCase(form, false), unnamedCase(form, true)],
);

function namedCase(form: CosignForm, made: Made): Case {
  const isRead = form.title.endsWith('tag');
  const verdict = isRead ? made.verdict : 'refused';
  return {
    title: `${form.title}, ${made.title}`,
    verdict,
    ...(verdict === made.verdict ? {} : { differs: REFERRERS }),
    arrange: async (bench) => {
      const key = await signedBy(form, bench, made.identity?.(bench));
      const publicPem = made.otherKey ? bench.other.publicKeyPem : key.publicPem;
      return question(bench, { scopes: [bench.repository], publicPem, names: made.names });
    },
  };
}

/** A bundle says no name: countersign takes it where the policy says that it may. */
function unnamedCase(form: CosignForm, unnamed: boolean): Case {
  return {
    title: `${form.title}, where the policy ${unnamed ? 'takes' : 'does not take'} unnamed signatures`,
    verdict: 'refused',
    ...(unnamed ? { differs: REFERRERS } : {}),
    arrange: async (bench) => {
      const { publicPem } = await signedBy(form, bench);
      return question(bench, { scopes: [bench.repository], publicPem, names: MATCH_REPOSITORY, unnamed });
    },
  };
}

async function signedBy(form: CosignForm, bench: Bench, identity?: string): Promise<CosignKey> {
  const { folder, repository, image } = bench;
  const key = await generateKey(form.tool, folder, repository.slice(repository.lastIndexOf('/') + 1));
  const options = identity === undefined ? {} : { identity };
  await sign(form, folder, key, { repository, digest: image.digest }, options);
  return key;
}

function question(bench: Bench, policy: KeyPolicy) {
  return { policies: [policy], image: `${bench.repository}:1` };
}
