/** How an input's own sessions are called by the server: they only read, and hold no other stream back. */
export const readersPrefix = "tidemark reads ";
