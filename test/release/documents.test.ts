import { describe, expect, it } from 'vitest';
import { basesIn, completeSbom, provenanceOf, type ReleaseFacts } from '../../.ci/documents.ts';

const FACTS: ReleaseFacts = {
  version: '1.2.3',
  commit: '4f1c'.repeat(10),
  source: 'https://git.example/countersign',
  image: 'registry.example/countersign',
  charts: 'oci://registry.example/charts',
  builder: 'https://ci.example/workflow',
  committed: '2026-11-22T10:00:00Z',
  started: '2026-11-22T11:00:00Z',
  finished: '2026-11-22T11:05:00Z',
};
const DIGEST = '290d'.repeat(16);
const DOCKERFILE = `# FROM a comment
FROM --platform=linux/amd64 docker.io/library/node:26-slim@sha256:${DIGEST} AS build
RUN echo FROM nothing
FROM build AS again
from registry.example:5000/base
COPY --from=build /a /b
`;
const PRINTED = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  serialNumber: 'urn:uuid:another each time',
  metadata: { timestamp: 'now', component: { 'bom-ref': 'countersign@1.2.3', type: 'library', name: 'a folder' } },
  components: [{ name: 'fastify' }],
};
const sbom = (printed: unknown, facts = FACTS) => completeSbom(JSON.stringify(printed), facts, DOCKERFILE);

describe('the images that a release is built on', () => {
  it('are those of FROM, with tag and digest, and no stages', () => {
    expect(basesIn(DOCKERFILE)).toEqual([
      { name: 'docker.io/library/node', tag: '26-slim', sha256: DIGEST },
      { name: 'registry.example:5000/base', tag: undefined, sha256: undefined },
    ]);
  });
});

describe('the bill of materials', () => {
  it('is of countersign, lists the last base image beside the packages, and is the same for each run of a commit', () => {
    const one = sbom(PRINTED);
    const other = sbom({
      ...PRINTED,
      serialNumber: 'urn:uuid:different',
      metadata: { ...PRINTED.metadata, timestamp: 'later' },
    });
    expect(one).toEqual(other);
    expect(one).toMatchObject({
      serialNumber: expect.stringMatching(
        /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      metadata: {
        timestamp: FACTS.committed,
        component: { type: 'application', name: 'countersign', version: '1.2.3' },
      },
      components: [{ name: 'fastify' }, { type: 'container', name: 'registry.example:5000/base' }],
    });
    expect(sbom(PRINTED, { ...FACTS, commit: 'a'.repeat(40) })['serialNumber']).not.toBe(one['serialNumber']);
  });

  it.each([
    ['of another format', { ...PRINTED, bomFormat: 'SPDX' }],
    ['without metadata', { ...PRINTED, metadata: undefined }],
    ['that lists nothing', { ...PRINTED, components: [] }],
    ['that is a list', [PRINTED]],
  ])('is none where npm prints one %s', (_what, printed) => {
    expect(() => sbom(printed)).toThrow();
  });
});

describe('the provenance', () => {
  it('names source, commit, lockfile, base images and who built, and pins what is pinned', () => {
    expect(provenanceOf(FACTS, DOCKERFILE, '{}')).toEqual({
      buildDefinition: {
        buildType: 'https://git.example/countersign/.ci/release@v1',
        externalParameters: { version: '1.2.3', image: FACTS.image, charts: FACTS.charts },
        resolvedDependencies: [
          { uri: 'git+https://git.example/countersign@refs/tags/v1.2.3', digest: { gitCommit: FACTS.commit } },
          {
            uri: 'https://git.example/countersign/package-lock.json',
            digest: { sha256: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' },
          },
          { uri: 'docker://docker.io/library/node:26-slim', digest: { sha256: DIGEST } },
          { uri: 'docker://registry.example:5000/base' },
        ],
      },
      runDetails: {
        builder: { id: FACTS.builder },
        metadata: {
          invocationId: `https://git.example/countersign@${FACTS.commit}#2026-11-22T11:00:00Z`,
          startedOn: FACTS.started,
          finishedOn: FACTS.finished,
        },
      },
    });
  });
});
