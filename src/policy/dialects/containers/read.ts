import { failed, type Result } from '../../../codes/result.ts';
import type { ContainersDocument } from './document.ts';

/**
 * Reads a `policy.json` as strictly as containers/image does.
 * @returns POLICY_BROKEN
 * @see reference/openshift-containers.md §2.1, §2.3
 */
export function readPolicyJson(_text: string): Result<ContainersDocument> {
  return failed('FEATURE_NOT_SUPPORTED', 'this version does not read containers policy.json');
}
