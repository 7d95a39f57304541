/** C and Lua files imported as text (the bundler's and the test runner's text loader). */
declare module '*.c' {
  const text: string;
  export default text;
}
declare module '*.lua' {
  const text: string;
  export default text;
}
