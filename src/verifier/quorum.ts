/**
 * The largest number of leaves that can each be given a signer of their own (MODEL.md M11): a maximum matching between
 * leaves and signers. Two signers are one if they share any id, so a key counts once however often it signed and in
 * whatever form it is written.
 * @param leaves for each leaf, the ids of each accepted signer
 */
export function distinctSigners(leaves: readonly (readonly (readonly string[])[])[]): number {
  const representative = mergeSharedIds(leaves.flat());
  const wanted = leaves.map(
    (signers) => new Set(signers.flatMap((ids) => (ids[0] === undefined ? [] : [representative(ids[0])]))),
  );
  const takenBy = new Map<string, number>();

  // Augmenting paths: a leaf may take a signer from another leaf that can have a different one.
  const place = (leaf: number, tried: Set<string>): boolean => {
    for (const signer of wanted[leaf] ?? []) {
      if (tried.has(signer)) continue;
      tried.add(signer);
      const owner = takenBy.get(signer);
      if (owner === undefined || place(owner, tried)) {
        takenBy.set(signer, leaf);
        return true;
      }
    }
    return false;
  };
  return leaves.filter((_signers, leaf) => place(leaf, new Set())).length;
}

/** Union-find over ids. */
function mergeSharedIds(signers: readonly (readonly string[])[]): (id: string) => string {
  const parent = new Map<string, string>();
  const root = (id: string): string => {
    let at = id;
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) at = up;
    return at;
  };
  for (const [first, ...rest] of signers) {
    if (first === undefined) continue;
    for (const other of rest) parent.set(root(other), root(first));
  }
  return root;
}
