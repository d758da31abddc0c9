import {
  agreed,
  butHere,
  type Case,
  message,
  type Place,
  payload,
  policyFor,
  signaturePath,
  signedBy,
  type Verdict,
} from './case.ts';
import { addressOf } from './gpg.ts';

type Entry = Readonly<Record<string, unknown>>;
type Answer = { readonly status?: number; readonly body: string };

/** The image as it is asked for at the registry with the interface. */
const behind = (place: Place): Place => ({
  ...place,
  repository: place.repository.replace(place.host, place.extension.host),
});

/** What the interface answers; the store of detached signatures has none unless the case puts one there. */
function answered(
  title: string,
  verdict: Exclude<Verdict, 'unreadable'>,
  answer: (place: Place) => Promise<Answer>,
): Case {
  return agreed(title, verdict, async (place) => {
    const there = behind(place);
    const { status = 200, body } = await answer(there);
    there.extension.set(there.repository.slice(there.repository.indexOf('/') + 1), { status, body });
    return { image: `${there.repository}:1`, policy: policyFor(there, signedBy(there.keys.one)) };
  });
}

const list = (...signatures: readonly Entry[]): Answer => ({ body: JSON.stringify({ signatures }) });

async function entry(place: Place, options: readonly string[] = [], more: Entry = {}): Promise<Entry> {
  const content = (await message(place, payload(place), 'one', options)).toString('base64');
  return { schemaVersion: 2, name: `${place.image.digest}@1`, type: 'atomic', content, ...more };
}

const stored = async (place: Place): Promise<void> =>
  place.store.put(signaturePath(place, 1), await message(place, payload(place)));

const CLEAR = 'clear-signed messages that a registry serves itself';

/** Signatures kept by the registry itself, as OpenShift's does (openshift-containers.md §3.5). */
export const EXTENSION_CASES: readonly Case[] = [
  answered('signed', 'runs', async (place) => list(await entry(place))),
  { ...answered('armored', 'runs', async (place) => list(await entry(place, ['--armor']))), current: undefined },
  butHere('refused', CLEAR, {
    ...answered('clear-signed', 'runs', async (place) => {
      const text = await place.gpg.convert(['--local-user', addressOf('one'), '--clear-sign'], payload(place));
      return list(await entry(place, [], { content: text.toString('base64') }));
    }),
    current: undefined,
  }),
  answered('none', 'refused', async () => list()),
  answered('none, and one in the store', 'refused', async (place) => {
    await stored(place);
    return list();
  }),
  answered('by another key, and a good one in the store', 'refused', async (place) => {
    await stored(place);
    const content = (await message(place, payload(place), 'stranger')).toString('base64');
    return list(await entry(place, [], { content }));
  }),
  answered('by another key, then the right one', 'runs', async (place) => {
    const content = (await message(place, payload(place), 'stranger')).toString('base64');
    return list(await entry(place, [], { content }), await entry(place));
  }),
  answered('of another version', 'refused', async (place) => list(await entry(place, [], { schemaVersion: 1 }))),
  answered('of another type', 'refused', async (place) => list(await entry(place, [], { type: 'cosign' }))),
  answered('of another type, beside a good one', 'runs', async (place) =>
    list(await entry(place, [], { type: 'cosign' }), await entry(place)),
  ),
  answered('with members that nobody knows', 'runs', async (place) => list(await entry(place, [], { more: 1 }))),
  answered('named for something else', 'runs', async (place) => list(await entry(place, [], { name: 'anything' }))),
  answered('without a name', 'runs', async (place) => list(await entry(place, [], { name: undefined }))),
  answered('content that is no message, beside a good one', 'runs', async (place) =>
    list(await entry(place, [], { content: 'AAAA' }), await entry(place)),
  ),
  answered('content that is no base64, beside a good one', 'refused', async (place) =>
    list(await entry(place), await entry(place, [], { content: '!' })),
  ),
  answered('named as simple signing, as in a store', 'refused', async (place) => {
    const bytes = Buffer.concat([Buffer.from('\0simple-signing\n'), await message(place, payload(place))]);
    return list(await entry(place, [], { content: bytes.toString('base64') }));
  }),
  answered('no list at all', 'refused', async () => ({ body: '{}' })),
  answered('the list is null', 'refused', async () => ({ body: '{"signatures":null}' })),
  answered('no JSON', 'refused', async () => ({ body: '<html>' })),
  answered('empty', 'refused', async () => ({ body: '' })),
  ...[201, 204, 403, 404, 500].map((status) =>
    answered(`status ${status} beside a signature`, 'refused', async (place) => ({
      status,
      ...list(await entry(place)),
    })),
  ),
  answered('five megabytes', 'refused', async (place) => ({
    body: JSON.stringify({ signatures: [await entry(place)], pad: ' '.repeat(5_000_000) }),
  })),
];
