import {
  agreed,
  byTag,
  type Case,
  message,
  type Place,
  payload,
  policyFor,
  putSignatures,
  type Question,
  signedBy,
} from './case.ts';
import type { KeyName } from './gpg.ts';

const ACCEPT = { type: 'insecureAcceptAnything' };
const REJECT = { type: 'reject' };
const BASE = { type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } };
const keyType = (type: string) => (place: Place) => ({ type: 'signedBy', keyType: type, keyPath: place.keys.one });
const one = (place: Place) => signedBy(place.keys.one);
const two = (place: Place) => signedBy(place.keys.two);
const either = (place: Place) => signedBy([place.keys.one, place.keys.two]);

type Requirement = object | ((place: Place) => object);

/** Who signed, one signature after another, and what must hold. */
function ruleCase(
  title: string,
  verdict: 'runs' | 'refused',
  signers: readonly KeyName[],
  requirements: readonly Requirement[],
): Case {
  return agreed(title, verdict, async (place) => {
    await signAll(place, signers);
    const all = requirements.map((one) => (typeof one === 'function' ? one(place) : one));
    return { image: `${place.repository}:1`, policy: policyFor(place, ...all) };
  });
}

async function signAll(place: Place, signers: readonly KeyName[]): Promise<void> {
  const signatures: Buffer[] = [];
  for (const signer of signers) signatures.push(await message(place, payload(place), signer));
  putSignatures(place, ...signatures);
}

/** The same, by a requirement for one of two names. */
async function twoNames(place: Place, names: readonly string[]): Promise<Question> {
  const signatures: Buffer[] = [];
  for (const name of names)
    signatures.push(await message(place, payload(place, `${place.host}/acme/${name}:1`), 'one'));
  putSignatures(place, ...signatures);
  const exact = (name: string) =>
    signedBy(place.keys.one, { type: 'exactRepository', dockerRepository: `${place.host}/acme/${name}` });
  return { image: `${place.repository}:1`, policy: policyFor(place, exact('a'), exact('b')) };
}

/** All requirements of a scope must hold, each by whichever signature (openshift-containers.md §2.3). */
export const REQUIREMENT_CASES: readonly Case[] = [
  ruleCase('signed by 1, the policy wants 1 [peers 18]', 'runs', ['one'], [one]),
  ruleCase('signed by 1, the policy wants 2 [peers 18]', 'refused', ['one'], [two]),
  ruleCase('signed by 1, the policy wants both [peers 18]', 'refused', ['one'], [one, two]),
  ruleCase('signed by both, the policy wants both [peers 18]', 'runs', ['one', 'two'], [one, two]),
  ruleCase('signed by both, the other way round', 'runs', ['two', 'one'], [one, two]),
  ruleCase('signed by 2, the policy wants either', 'runs', ['two'], [either]),
  ruleCase('signed by a stranger, the policy wants either', 'refused', ['stranger'], [either]),
  ruleCase('signed by a stranger and 1', 'runs', ['stranger', 'one'], [one]),
  ruleCase('signed by 1 and a stranger', 'runs', ['one', 'stranger'], [one]),
  ruleCase('signed by nobody', 'refused', [], [one]),
  ruleCase('anything goes, signed by nobody [peers 20]', 'runs', [], [ACCEPT]),
  ruleCase('nothing goes, signed [peers 20]', 'refused', ['one'], [REJECT]),
  ruleCase('anything goes, and signed', 'runs', ['one'], [ACCEPT, one]),
  ruleCase('anything goes, and not signed', 'refused', [], [ACCEPT, one]),
  ruleCase('not signed, and anything goes', 'refused', [], [one, ACCEPT]),
  ruleCase('signed, and nothing goes', 'refused', ['one'], [one, REJECT]),
  ruleCase('anything and nothing go', 'refused', [], [ACCEPT, REJECT]),
  ruleCase('the same requirement twice', 'runs', ['one'], [one, one]),
  ruleCase('signed base layer', 'refused', ['one'], [BASE]),
  ruleCase('signed, and signed base layer', 'refused', ['one'], [one, BASE]),
  ruleCase('certificates of X.509', 'refused', ['one'], [keyType('X509Certificates')]),
  ruleCase('authorities of X.509', 'refused', ['one'], [keyType('signedByX509CAs')]),
  ruleCase('keys signed by keys', 'refused', ['one'], [keyType('signedByGPGKeys')]),
  agreed('two names, and a signature for each', 'runs', (place) => twoNames(place, ['a', 'b'])),
  agreed('two names, and both signatures for one', 'refused', (place) => twoNames(place, ['a', 'a'])),
  agreed('an image that was never signed', 'refused', (place) => byTag(place)),
];
