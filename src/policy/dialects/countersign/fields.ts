import { z } from 'zod';
import type { NonEmpty } from '../../../model/requirement.ts';

/** A strict object; a field that it does not know is told with those that it does. */
export function fields<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `known here: ${Object.keys(shape).join(', ')}` : undefined),
  });
}

/** A text that is not empty; one of a wrong length is not looked at more closely. */
export function text(max: number) {
  return z.string().min(1, { abort: true }).max(max, { abort: true });
}

/** A list that is not empty, in the value as in the type. */
export function list<T extends z.ZodType>(of: T, max: number) {
  return z
    .array(of)
    .min(1)
    .max(max)
    .transform((items, context): NonEmpty<z.output<T>> => {
      const [first, ...rest] = items;
      if (first !== undefined) return [first, ...rest];
      context.addIssue({ code: 'custom', message: 'must not be empty' });
      return z.NEVER;
    });
}

/**
 * What a schema says of itself: a sentence on what it is for, and the rules that it checks beyond what JSON schema says in
 * a word. Both stand on the reference page.
 */
export function about(description: string, ...rules: readonly string[]): z.GlobalMeta {
  return rules.length === 0 ? { description } : { description, rules };
}

type Context = z.core.$RefinementCtx;

/** Says what is against a value, at the field named. */
export function against(context: Context, field: string | undefined, message: string): void {
  context.addIssue({ code: 'custom', message, ...(field === undefined ? {} : { path: [field] }) });
}

/** Whether exactly one of the fields is there; says so otherwise. */
export function exactlyOne<N extends string>(
  written: { readonly [name in N]?: unknown },
  names: readonly N[],
  context: Context,
): boolean {
  const there = names.filter((name) => written[name] !== undefined);
  if (there.length === 1) return true;
  const found = there.length === 0 ? 'there is none' : `there are ${there.join(' and ')}`;
  against(context, undefined, `must have exactly one of ${names.join(', ')}; ${found}`);
  return false;
}
