/** One thing that an API server would say against an object. */
export type FieldError = {
  readonly path: string;
  /** The whole line, path first, as the API server writes it. */
  readonly text: string;
  /** Whether it keeps the API server from evaluating the rules of the schema. */
  readonly blocking: boolean;
};

/** A rule of a schema (`x-kubernetes-validations`): what it says where it does not hold. */
export type Rule<T> = { readonly message: string; readonly holds: (value: T) => boolean };

/** An object as parsed, before anything is known of it. */
export type Fields = Readonly<Record<string, unknown>>;

/** A structural schema, as much of it as the policies' CRDs use. */
export type Schema =
  | {
      readonly type: 'object';
      readonly properties: Readonly<Record<string, Schema>>;
      readonly required: readonly string[];
      readonly rules: readonly Rule<Fields>[];
    }
  | { readonly type: 'array'; readonly items: Schema; readonly maxItems: number; readonly set: boolean }
  | {
      readonly type: 'string';
      readonly minLength: number;
      readonly maxLength: number;
      readonly oneOf: readonly string[];
      readonly base64: boolean;
      readonly rules: readonly Rule<string>[];
    };

/** Whether the value is an object with fields. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field that was written on the object itself. */
export function fieldOf(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/**
 * Everything that the API server would say against the value, in its words and order: first shape, bounds and
 * duplicates, then the rules, unless something wrong with the shape keeps it from evaluating them.
 *
 * Fields that the schema does not know are not its business (the API server prunes them): see {@link unknownFields}.
 * @param isBase64 how strictly base64 is read
 */
export function validateStructure(
  schema: Schema,
  value: unknown,
  path: string,
  isBase64: (text: string) => boolean,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  checkShape(schema, value, path, isBase64, errors);
  if (errors.some((error) => error.blocking)) {
    const text =
      '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
    return [...errors, { path: '', text, blocking: true }];
  }
  checkRules(schema, value, path, errors);
  return errors;
}

/** The errors as the API server joins them: one as it is, several in brackets, no line twice. */
export function joinErrors(errors: readonly FieldError[]): string {
  const lines = [...new Set(errors.map((error) => error.text))];
  return lines.length === 1 ? lines.join('') : `[${lines.join(', ')}]`;
}

/** Paths of the fields that the schema does not know. */
export function unknownFields(schema: Schema, value: unknown, path: string): readonly string[] {
  if (schema.type === 'array' && Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.flatMap((item, i) => unknownFields(schema.items, item, `${path}[${i}]`));
  }
  if (schema.type !== 'object' || !isFields(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const known = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    return known === undefined ? [`${path}.${name}`] : unknownFields(known, field, `${path}.${name}`);
  });
}

function checkShape(
  schema: Schema,
  value: unknown,
  path: string,
  isBase64: (text: string) => boolean,
  errors: FieldError[],
): void {
  switch (schema.type) {
    case 'object': {
      if (!isFields(value)) return void errors.push(wrongType(path, 'object', value));
      for (const [name, property] of Object.entries(schema.properties)) {
        const field = fieldOf(value, name);
        if (field !== undefined) checkShape(property, field, `${path}.${name}`, isBase64, errors);
        else if (schema.required.includes(name)) {
          errors.push({ path: `${path}.${name}`, text: `${path}.${name}: Required value`, blocking: true });
        }
      }
      return;
    }
    case 'array': {
      if (!Array.isArray(value)) return void errors.push(wrongType(path, 'array', value));
      const items: readonly unknown[] = value;
      if (items.length > schema.maxItems) {
        const text = `${path}: Too many: ${items.length}: must have at most ${schema.maxItems} items`;
        return void errors.push({ path, text, blocking: true });
      }
      for (const [i, item] of items.entries()) checkShape(schema.items, item, `${path}[${i}]`, isBase64, errors);
      if (schema.set) checkSet(items, path, errors);
      return;
    }
    case 'string':
      if (typeof value !== 'string') return void errors.push(wrongType(path, 'string', value));
      checkText(schema, value, path, isBase64, errors);
  }
}

function checkText(
  schema: Schema & { readonly type: 'string' },
  value: string,
  path: string,
  isBase64: (text: string) => boolean,
  errors: FieldError[],
): void {
  // The API server counts code points, and no text has more of them than UTF-16 units.
  const length = value.length > schema.maxLength * 2 ? value.length : codePoints(value);
  if (length > schema.maxLength) {
    const text = `${path}: Too long: may not be more than ${schema.maxLength} bytes`;
    return void errors.push({ path, text, blocking: true });
  }
  const shown = JSON.stringify(value);
  if (length < schema.minLength) {
    const text = `${path}: Invalid value: ${shown}: ${path} in body should be at least ${schema.minLength} chars long`;
    errors.push({ path, text, blocking: false });
  }
  if (schema.base64 && !isBase64(value)) {
    errors.push({
      path,
      text: `${path}: Invalid value: ${shown}: ${path} in body must be of type byte: ${shown}`,
      blocking: true,
    });
  }
  if (schema.oneOf.length > 0 && !schema.oneOf.includes(value)) {
    const supported = schema.oneOf.map((one) => JSON.stringify(one)).join(', ');
    errors.push({ path, text: `${path}: Unsupported value: ${shown}: supported values: ${supported}`, blocking: true });
  }
}

function checkSet(items: readonly unknown[], path: string, errors: FieldError[]): void {
  const seen = new Set<unknown>();
  for (const [i, item] of items.entries()) {
    if (seen.has(item)) {
      errors.push({
        path: `${path}[${i}]`,
        text: `${path}[${i}]: Duplicate value: ${JSON.stringify(item)}`,
        blocking: false,
      });
    }
    seen.add(item);
  }
}

function checkRules(schema: Schema, value: unknown, path: string, errors: FieldError[]): void {
  if (schema.type === 'object' && isFields(value)) {
    pushBroken(schema.rules, value, path, 'object', errors);
    for (const [name, property] of Object.entries(schema.properties)) {
      const field = fieldOf(value, name);
      if (field !== undefined) checkRules(property, field, `${path}.${name}`, errors);
    }
  } else if (schema.type === 'array' && Array.isArray(value)) {
    const items: readonly unknown[] = value;
    for (const [i, item] of items.entries()) checkRules(schema.items, item, `${path}[${i}]`, errors);
  } else if (schema.type === 'string' && typeof value === 'string') {
    pushBroken(schema.rules, value, path, 'string', errors);
  }
}

function pushBroken<T>(rules: readonly Rule<T>[], value: T, path: string, type: string, errors: FieldError[]): void {
  for (const rule of rules) {
    if (!rule.holds(value)) {
      errors.push({ path, text: `${path}: Invalid value: "${type}": ${rule.message}`, blocking: false });
    }
  }
}

function wrongType(path: string, wanted: string, value: unknown): FieldError {
  const type = JSON.stringify(typeName(value));
  return {
    path,
    text: `${path}: Invalid value: ${type}: ${path} in body must be of type ${wanted}: ${type}`,
    blocking: true,
  };
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
