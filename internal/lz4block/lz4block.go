// Package lz4block joins LZ4 blocks without decoding them.
//
// An LZ4 block is a run of sequences: literals, then a match that copies from up to 64 KiB back. The last sequence has
// literals only. Matches count backwards from where they stand, so the sequences of one block mean the same behind another
// block; only the seam needs work, since the literals that end one block and those that begin the next have to become the
// literals of one sequence:
//
//	block A          block B                A ⧺ "x" ⧺ B
//	[lit m][lit m][L]  +  "x"  +  [l m][lit m][k]  =  [lit m][lit m][L x l m][lit m][k]
//
// That is what lets a log group travel from the client's request to the disk and from there into any pull response
// as the very bytes that the client compressed.
package lz4block
