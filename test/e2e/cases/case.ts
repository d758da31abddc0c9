import { type Artifact, type ArtifactLayer, imageArtifact } from '../../../src/cli/demo/artifacts.ts';
import { type Signer, signatureManifest, signedLayer, simpleSigningPayload } from '../../../src/cli/demo/signer.ts';
import type { Digest } from '../../../src/image/digest.ts';
import type { Folder } from '../folder.ts';
import { pushArtifact } from '../image.ts';
import type { KeyPolicy, NamePolicy, Verdict } from '../judges.ts';

/** What a case finds: an image of its own, pushed under the tag `1`, and two keys. */
export type Bench = {
  readonly folder: Folder;
  /** Host and port of the registry, and the same registry by name. */
  readonly host: string;
  readonly localhost: string;
  readonly repository: string;
  readonly image: Artifact;
  readonly key: Signer;
  /** A key that no policy names unless the case says so. */
  readonly other: Signer;
  /** Where the registry allows it: takes a blob out of the registry's storage, or replaces it. */
  readonly damage: (digest: Digest, content?: string) => void;
};

/** What both judges are asked. */
export type Question = { readonly policies: readonly KeyPolicy[]; readonly image: string };

/** One question with the verdict of containers/image. */
export type Case = {
  readonly title: string;
  readonly verdict: Verdict;
  /** Where countersign decides the opposite: the first cell of the line in docs/differences.md that says why. */
  readonly differs?: string;
  /** Cases of the same word share a bench, which spares the registry most of the work. */
  readonly shared?: string;
  /** Pushes what the case needs. */
  readonly arrange: (bench: Bench) => Promise<Question>;
};

/** What a case is called. */
export function titleOf(one: Case): string {
  const { there, here } = expectedVerdicts(one);
  return there === here ? `${one.title}: ${there}` : `${one.title}: ${there} there, ${here} here`;
}

/** What the other judge and countersign must say. */
export function expectedVerdicts({ verdict, differs }: Case): { readonly there: Verdict; readonly here: Verdict } {
  const opposite = verdict === 'runs' ? 'refused' : 'runs';
  return { there: verdict, here: differs === undefined ? verdict : opposite };
}

/** Pushes the image of a bench under the tag `1`; its content follows from the name. */
export async function pushBenchImage(repository: string): Promise<Artifact> {
  const image = imageArtifact(repository);
  await pushArtifact(repository, image, '1');
  return image;
}

/** cosign names the repository alone, so this is what its users write. */
export const MATCH_REPOSITORY: NamePolicy = { matchPolicy: 'MatchRepository' };

/** A policy for the repository of the bench, or for other scopes. */
export function policyFor(bench: Bench, signer: Signer = bench.key, scopes = [bench.repository]): KeyPolicy {
  return { scopes, publicPem: signer.publicKeyPem, names: MATCH_REPOSITORY };
}

/** What most cases ask: the image by its tag, under one policy for its repository. */
export function byTag(bench: Bench, signer?: Signer): Question {
  return { policies: [policyFor(bench, signer)], image: `${bench.repository}:1` };
}

/** A layer as countersign's own signer and cosign write it. */
export function goodLayer(bench: Bench, signer: Signer = bench.key, name = bench.repository): ArtifactLayer {
  return signedLayer(signer, simpleSigningPayload(bench.image.digest, name));
}

/** Stores layers under the `.sig` tag of a digest. */
export function pushLayers(
  bench: Bench,
  layers: readonly ArtifactLayer[],
  digest: Digest = bench.image.digest,
): Promise<void> {
  return pushArtifact(bench.repository, signatureManifest(layers), sigTag(digest));
}

/** A case about the layers of one signature manifest. */
export function layersCase(
  title: string,
  verdict: Verdict,
  layers: (bench: Bench) => readonly ArtifactLayer[],
  differs?: string,
): Case {
  return {
    title,
    verdict,
    ...(differs === undefined ? {} : { differs }),
    arrange: async (bench) => {
      await pushLayers(bench, layers(bench));
      return byTag(bench);
    },
  };
}

export const sigTag = (digest: Digest): string => `${digest.replace(':', '-')}.sig`;
