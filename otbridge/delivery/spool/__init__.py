"""Records on disk: written before a caller goes on, kept until a receiver has them.

    append ─► writer ─► segment files ─► reader ─► batch ─► (the chain of senders) ─► ack
                            │    ▲                                                     │
               limits ◄─────┘    └── adopted folders of processes that ended           │
                                           book: how far each destination is ◄─────────┘

    <root>/<service>/                      0700; the name is made of the service's, sanitised
        <pid>-<start in ns>/               one process; locked (flock) for as long as it lives
            book                           cursors and losses, in two slots written in turn
            logs.plain.<first>.<salt>.v1.seg
            logs.error.<first>.<salt>.v1.seg
        quarantine/                        segments of which nothing could be read; bounded
        totals                             what folders that are gone had counted

A *stream* is what one process writes of one signal and one class (`error` for records of ERROR and
above, which leave last; `plain` for the others). Its records are numbered from 0 without a gap;
its segments are named after the number of their first record. So how many records wait is a
subtraction of names, a cursor is one number, and the numbers around damaged bytes tell exactly
how many records were in them. The bytes of a segment: `otbridge.delivery.spool.frames`.

What this process wrote a moment ago is in memory as well (`Segment.fresh`), for at most the two
newest segments of a stream, until every destination has it: who keeps up reads no file. The file
alone decides what is safe; memory may lack any record at any time, and then the file is read.

The rules that everything here keeps:

- A record that `append` returned True for is in the page cache (`process`) or on the disk
  (`power`), in a file whose name and frames suffice to read it: a killed process loses nothing.
- Losses and cursors go into the book before the segment that they are about is unlinked, and the
  book is synced in between. What is no longer there was settled: a cursor that points to a
  missing segment is moved on, never an error.
- A folder belongs to whoever holds its lock; the kernel gives it back when a process dies. Two
  never read the same folder, and only its owner deletes from it.
- Nothing here raises into a caller of `append`. What the disk refuses, the caller keeps in memory.

Linux and macOS. Not for network file systems, where `flock` may mean nothing between machines.
"""
