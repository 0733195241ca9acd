/** What the names of tables begin with in which an output keeps its own data. */
export const ownTablePrefix = "_tidemark_";

/** What the comment of a table begins with that an output made: it stays where the table is renamed or moved. */
export const commentMarker = "Made by Tidemark";

/** The same in the text of `CREATE TABLE`, where a database has no comments and keeps that text as it was written. */
export const textMarker = "/* made by Tidemark */";
