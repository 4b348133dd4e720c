/** An OTLP/JSON `AnyValue`. */
export interface WireValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string;
  doubleValue?: number | string;
  bytesValue?: string;
  arrayValue?: { values?: WireValue[] };
  kvlistValue?: { values?: WireAttribute[] };
}

/** An OTLP/JSON `KeyValue`. */
export interface WireAttribute {
  key: string;
  value: WireValue;
}

/** The value that an `AnyValue` stands for; integers become numbers. */
export function plainValue(value: WireValue | undefined): unknown {
  if (!value) return undefined;
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.doubleValue !== undefined) return Number(value.doubleValue);
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plainValue);
  if (value.kvlistValue) return plainAttributes(value.kvlistValue.values);
  return value.stringValue ?? value.boolValue ?? value.bytesValue;
}

export function plainAttributes(
  attributes: readonly WireAttribute[] = [],
): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]));
}
