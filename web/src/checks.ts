// What callers hand in, checked: not everybody has TypeScript, and a wrong value must not quietly
// mean something else.

import { HalflingError } from './errors.js';

export function invalid(name: string, value: unknown, expected: string): HalflingError {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new HalflingError('invalid-request', `\`${name}\` is ${text}, it must be ${expected}.`);
}

export function checkObject<T extends object>(name: string, value: T): T {
  if (typeof value === 'object' && value !== null) return value;
  throw invalid(name, value, 'an object');
}

export function checkBoolean(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(name, value, 'true or false');
}

export function checkChoice<T>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  throw invalid(name, value, `one of ${choices.map((one) => JSON.stringify(one)).join(', ')}`);
}

export function checkFunction<T>(name: string, value: T): T {
  if (value === undefined || typeof value === 'function') return value;
  throw invalid(name, value, 'a function');
}

export function checkPositive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw invalid(name, value, 'a number above 0');
}

export function isWithin(value: unknown, low: number, high: number): value is number {
  return typeof value === 'number' && value >= low && value <= high;
}

export function checkRange(name: string, value: number, low: number, high: number): number {
  if (isWithin(value, low, high)) return value;
  throw invalid(name, value, `a number from ${low} to ${high}`);
}
