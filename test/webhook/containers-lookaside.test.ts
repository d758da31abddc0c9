import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createOpenPgpSigner } from '../fixtures/openpgp/signer.ts';
import { becomes, expectVerified } from '../fixtures/webhook.ts';
import { folder } from '../policy/sources/folder.ts';
import {
  ANYTHING,
  type Answer,
  containersWorld,
  expectRefused,
  folderOf,
  signatureOf,
  signedBy,
  startLookaside,
} from './containers-world.ts';

const release = createOpenPgpSigner({ userId: 'Release <release@example.com>' });
const rotated = createOpenPgpSigner({ userId: 'Release <release@example.com>' });
const keys = { 'release.asc': release.publicKeyArmored };
const scopes = { HOST: [signedBy('release.asc')] };

describe('what an image under a GPG policy costs', () => {
  it('is the tag or manifest, one ping, its signatures and one 404, and nothing the second time', async () => {
    const { run, at, signed, lookaside, registry } = await containersWorld({ keys, scopes });
    const digest = signed('shop/web', release);
    expectVerified(await run([at(`shop/web@${digest}`)]));
    const of = folderOf('shop/web', digest);
    expect(lookaside.requests).toEqual([`GET ${of}/signature-1`, `GET ${of}/signature-2`]);
    expect(registry.seen()).toEqual([`GET /v2/shop/web/manifests/${digest}`, 'GET /v2/']);

    const again = await run([at(`shop/web@${digest}`)]);
    expectVerified(again);
    expect([again.requests, again.record.requests]).toEqual([0, 0]);
    expect(lookaside.requests).toHaveLength(2);

    const other = signed('shop/api', release);
    const next = await run([at(`shop/api@${other}`)]);
    expectVerified(next);
    // The registry said with the first image that it serves no signatures itself.
    expect([next.requests, lookaside.requests.length]).toEqual([1, 4]);
  });

  it('is the same for ten containers with one image', async () => {
    const { run, at, signed, lookaside } = await containersWorld({ keys, scopes });
    signed('shop/web', release);
    expectVerified(await run(Array.from({ length: 10 }, () => at('shop/web:v1'))));
    expect(lookaside.requests).toHaveLength(2);
  });
});

describe('a lookaside that misbehaves makes an error, never "unsigned" and never a pass', () => {
  const status =
    (code: number, body = ''): Answer =>
    (_, response) => {
      response.writeHead(code, { 'retry-after': '0' }).end(body);
      return true;
    };
  /** A body in place of the first signature, behind which there is none. */
  const first = (body: string): Answer => {
    const answers = status(200, body);
    return (path, response, request) => path.endsWith('/signature-1') && answers(path, response, request);
  };

  it.each<[what: string, answer: Answer, code: RegExp]>([
    ['401', status(401), /REGISTRY_UNAUTHORISED/],
    ['403', status(403), /REGISTRY_UNAUTHORISED/],
    ['410', status(410), /RESPONSE_UNEXPECTED|RESPONSE_MALFORMED|REGISTRY_/],
    ['500', status(500), /REGISTRY_UNAVAILABLE/],
    ['a page of HTML', first('<html>Please log in</html>'), /RESPONSE_MALFORMED/],
    ['a page of HTML for whatever is asked', status(200, '<html>Please log in</html>'), /RESPONSE_MALFORMED/],
    ['an empty file', first(''), /RESPONSE_MALFORMED/],
    ['an armored signature', first('-----BEGIN PGP MESSAGE-----\n'), /RESPONSE_MALFORMED/],
    [
      'an endless body',
      (_, response) => {
        response.writeHead(200);
        const more = setInterval(() => response.write(Buffer.alloc(256 * 1024, 0x90)), 1);
        response.on('close', () => clearInterval(more));
        return true;
      },
      /RESPONSE_TOO_LARGE/,
    ],
    ['no answer', () => true, /REGISTRY_DEADLINE|DEADLINE_EXCEEDED/],
    [
      'a cut connection',
      (_, response) => {
        response.destroy();
        return true;
      },
      /REGISTRY_UNREACHABLE|RESPONSE_MALFORMED/,
    ],
  ])('%s', async (_what, answer, code) => {
    const { run, at, push, lookaside, registry } = await containersWorld({ keys, scopes });
    push('shop/web');
    lookaside.misbehave(answer);
    const said = await run([at('shop/web:v1')], 'shop', '?timeout=2s');
    expectRefused(said, registry.host, 'error', code.exec(said.message)?.[0] ?? `one of ${code.source}`);
    expect(said.milliseconds).toBeLessThan(2_500);
  });

  it.each<[what: string, second: Answer]>([
    ['is an error', status(500)],
    ['is a page of HTML', status(200, '<html>')],
  ])('even where only what follows a good signature %s', async (_what, second) => {
    const { run, at, signed, lookaside, registry } = await containersWorld({ keys, scopes });
    signed('shop/web', release);
    lookaside.misbehave((path, response, request) => path.endsWith('signature-2') && second(path, response, request));
    const answer = await run([at('shop/web:v1')]);
    expect(answer.message).toMatch(/\[(REGISTRY_UNAVAILABLE|RESPONSE_MALFORMED)\]$/);
    expect(answer.message).toContain(`policy.json "${registry.host}": error`);
  });

  it('more signatures than anybody reads', async () => {
    const { run, at, push, lay, registry, lookaside } = await containersWorld({ keys, scopes });
    const digest = push('shop/web');
    const one = signatureOf(release, digest, at('shop/web:v1'));
    lay('shop/web', digest, ...Array.from({ length: 200 }, () => one));
    expectRefused(await run([at('shop/web:v1')]), registry.host, 'error', 'LIMIT_EXCEEDED');
    expect(lookaside.requests.length).toBeLessThan(140);
  });

  it('but a gap is the end, as it is for podman', async () => {
    const { run, at, push, lookaside, registry } = await containersWorld({ keys, scopes });
    const digest = push('shop/web');
    lookaside.files.set(`${folderOf('shop/web', digest)}/signature-2`, signatureOf(release, digest, at('shop/web:v1')));
    expectRefused(await run([at('shop/web:v1')]), registry.host, 'unsigned', 'UNSIGNED');
  });

  it('onError: allow rescues one that cannot be reached, and none that answers nonsense', async () => {
    const { run, at, push, lookaside, registry } = await containersWorld({
      keys,
      scopes,
      configuration: { onError: 'allow' },
    });
    push('shop/web');
    lookaside.misbehave(status(503));
    expect((await run([at('shop/web:v1')])).allowed).toBe(true);
    lookaside.misbehave(first('<html>'));
    expectRefused(await run([at('shop/web:v1')]), registry.host, 'error', 'RESPONSE_MALFORMED');
  });
});

describe('where signatures are looked for', () => {
  it('credentials in the URL go to that server, and into no message, record or metric', async () => {
    const { run, at, push, lookaside, metrics } = await containersWorld({
      keys,
      scopes,
      registriesD: { docker: { HOST: { lookaside: 'http://robot:s3cret@LOOKASIDE/below' } } },
    });
    const digest = push('shop/web');
    const answer = await run([at('shop/web:v1')]);
    expect(lookaside.requests).toEqual([`GET /below${folderOf('shop/web', digest)}/signature-1`]);
    expect(lookaside.headers().authorization).toBe(`Basic ${Buffer.from('robot:s3cret').toString('base64')}`);
    expect(answer.message).toContain('[UNSIGNED]');
    expect(JSON.stringify(answer) + (await metrics())).not.toMatch(/s3cret|robot/);
  });

  it('a folder of files serves as well, and one that is not there holds nothing', async () => {
    await using files = await folder();
    const world = await containersWorld({
      keys,
      scopes,
      registriesD: { docker: { HOST: { lookaside: `file://${files.path}` } } },
    });
    world.push('shop/web');
    expectRefused(await world.run([world.at('shop/web:v1')]), world.registry.host, 'unsigned', 'UNSIGNED');
    // What was believed of the first image may be believed for ten seconds.
    const other = world.push('shop/api', 'api');
    const place = `${files.path}${folderOf('shop/api', other)}`;
    await mkdir(place, { recursive: true });
    await writeFile(`${place}/signature-1`, signatureOf(release, other, world.at('shop/api:v1')));
    expectVerified(await world.run([world.at('shop/api:v1')]));
  });

  it.each([
    ['ftp://signatures.example', 'ftp'],
    ['file://elsewhere/signatures', 'elsewhere'],
  ])('a lookaside of %s is said to be unusable', async (url, word) => {
    const { run, at, push, registry } = await containersWorld({
      keys,
      scopes,
      registriesD: { docker: { HOST: { lookaside: url } } },
    });
    push('shop/web');
    const answer = await run([at('shop/web:v1')]);
    expectRefused(answer, registry.host, 'error', 'LOOKASIDE_UNUSABLE');
    expect(answer.message).toContain(word);
  });

  it('a registry that serves signatures itself is asked, and the lookaside is not', async () => {
    let served: readonly object[] = [];
    const { run, at, push, registry, lookaside } = await containersWorld({
      keys,
      scopes,
      registry: {
        fault: ({ path }, _, response) => {
          if (path === '/v2/') response.writeHead(200, { 'x-registry-supports-signatures': '1' }).end('{}');
          else if (path.startsWith('/extensions/')) response.writeHead(200).end(JSON.stringify({ signatures: served }));
          else return false;
          return true;
        },
      },
    });
    const digest = push('shop/web');
    expectRefused(await run([at('shop/web:v1')]), registry.host, 'unsigned', 'UNSIGNED');
    const other = push('shop/api', 'api');
    const content = Buffer.from(signatureOf(release, other, at('shop/api:v1'))).toString('base64');
    served = [{ schemaVersion: 2, name: `${other}@one`, type: 'atomic', content }];
    expectVerified(await run([at('shop/api:v1')]));
    expect(registry.seen()).toContain(`GET /extensions/v2/shop/web/signatures/${digest}`);
    expect(lookaside.requests).toEqual([]);
  });
});

describe('edits are in force within a second', () => {
  it('of a ConfigMap that is mounted flat: its key, its policy and its registries.d [peers 72]', async () => {
    const world = await containersWorld({ keys, scopes, mounted: true });
    const image = world.at('shop/web:v1');
    world.signed('shop/web', rotated);
    expectRefused(await world.run([image]), world.registry.host, 'untrusted', 'SIGNATURE_MISMATCH');

    const policy = (...requirements: readonly object[]) =>
      JSON.stringify({ default: requirements, transports: { docker: {} } });
    const section = (host: string) => `docker: {"${world.registry.host}": {lookaside: "http://${host}"}}`;
    const files = {
      'policy.json': policy(signedBy('release.asc')),
      'release.asc': rotated.publicKeyArmored,
      'registry.yaml': section(world.lookaside.host),
    };
    await world.policies.swap('v2', files);
    expectVerified(
      await becomes(
        () => world.run([image]),
        ({ allowed }) => allowed,
      ),
    );

    const elsewhere = await startLookaside();
    await world.policies.swap('v3', { ...files, 'registry.yaml': section(elsewhere.host) });
    const moved = await becomes(
      () => world.run([image]),
      ({ allowed }) => !allowed,
    );
    expectRefused(moved, 'default', 'unsigned', 'UNSIGNED');

    await world.policies.swap('v4', { ...files, 'policy.json': policy({ type: 'reject' }) });
    const rejected = await becomes(
      () => world.run([image]),
      ({ message }) => message.includes('REJECTED_BY_POLICY'),
    );
    expectRefused(rejected, 'default', 'rejected', 'REJECTED_BY_POLICY');
  });

  it('and one that is wrong refuses what it decided about, until it is mended', async () => {
    const world = await containersWorld({ keys, scopes });
    const image = world.at('shop/web:v1');
    world.signed('shop/web', release);
    expectVerified(await world.run([image]));
    const policy = JSON.stringify({
      default: [ANYTHING],
      transports: { docker: { [world.registry.host]: [ANYTHING] } },
    });
    await world.policies.write({ 'policy.json': policy.replace('"default"', '"Default"') });
    const broken = await becomes(
      () => world.run([image]),
      ({ allowed }) => !allowed,
    );
    expectRefused(broken, world.registry.host, 'error', 'POLICY_BROKEN');
    await world.policies.write({ 'policy.json': policy });
    await becomes(
      () => world.run([image]),
      ({ allowed }) => allowed,
    );
  });
});
