/** The application name of input sessions: they only read, and hold no stream back. */
export const readersPrefix = "tidemark reads ";
