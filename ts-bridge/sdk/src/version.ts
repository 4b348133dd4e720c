/** Version of this package; a test keeps it equal to `package.json`. */
export const VERSION = "0.1.0";

/** How this library calls itself, in `hello.sdk` and in the resource. */
export const SDK_NAME = "otbridge-js";
