/**
 * Reasons that the kernel shares: a text may fail for what the kernel does not have, and each such claim is checked against its BTF and its
 * tracepoints, so that a fault of ours cannot hide behind it.
 */

/** Pattern of a message, and what it claims: a sentence when the kernel bears it out. */
const CLAIMS = [
  {
    says: /incomplete definition of type '(struct|union) (\w+)'/,
    check: ({ btf }, kind, name) => btf.find(name, kind) === undefined && `this kernel has no ${kind} ${name}`,
  },
  {
    says: /no member named '(\w+)' in 'struct (\w+)'/,
    check: ({ fields }, field, name) =>
      fields[name]?.includes(field) === false && `struct ${name} of this kernel has no ${field}`,
  },
  {
    says: /tracepoint '([\w:]+)' is not known/,
    check: ({ tracepoints }, name) =>
      !tracepoints.includes(name) && `this kernel has no tracepoint ${name}, or only in a module`,
  },
  {
    says: /kernel has no function '(\w+)'/,
    check: ({ btf }, name) => btf.find(name, 'func') === undefined && `this kernel has no function ${name}`,
  },
  {
    says: /cannot use helper (bpf_override_return)/,
    check: ({ btf }, name) => btf.find(name, 'func') === undefined && `this kernel is built without ${name}`,
  },
];

/** The reason that the kernel shares, or undefined. `facts`: { btf, fields, tracepoints } of the kernel. */
export function sharedReason(message, facts) {
  for (const { says, check } of CLAIMS) {
    const match = says.exec(message);
    const reason = match && check(facts, ...match.slice(1));
    if (reason) return reason;
  }
  return undefined;
}
