// SPDX-License-Identifier: Apache-2.0
// The supervisor's local socket (AF_UNIX, SOCK_SEQPACKET): one JSON object in, one JSON object out.
//   {"command":"status"}                                   -> {"ok":true,"status":{...}}, see status.h
//   {"command":"config"}                                   -> {"ok":true,"config":{...}}, secrets replaced
//   {"command":"gaps"}                                     -> {"ok":true,"gaps":{...}}, see status.h
//   {"command":"switch","path":"B"}                        planned change of path
//   {"command":"idr"}                                      an IDR soon
//   {"command":"bitrate","kbps":3000}
//   {"command":"fault","path":"A","kind":"garbage","count":1,"factor":3}
//   {"command":"restart","worker":"A"}                     also "capture", "egress", "record": end it, start
//   it anew
//   {"command":"reload","config":{...}}                    a whole configuration
//   {"command":"record","action":"start","text":"NAME"}    also "stop"; "mark" with a remark; "save" with
//   "minutes"
//                                                          and a name; "protect", "unprotect" with a name.
//                                                          What came of it is in the status: record.answered,
//                                                          .answer
//   {"command":"stop"}
// The others are answered by {"ok":true} (perhaps with "text", a remark); each by
// {"ok":false,"error":"what happened, why, what to do"} when it was refused.
#ifndef IPC_CONTROL_SOCKET_H
#define IPC_CONTROL_SOCKET_H

#include <stddef.h>

// One datagram each.
#define CONTROL_REQUEST_MAX_BYTES (64u * 1024)
#define CONTROL_REPLY_MAX_BYTES (192u * 1024)

// The folder that root's default socket is in; whoever listens makes it.
#define CONTROL_RUN_FOLDER "/run/castor"

// The socket that is used when none is configured: $CASTOR_SOCKET, /run/castor/castor.sock for root,
// $XDG_RUNTIME_DIR/castor.sock, /tmp/castor-<uid>.sock.
void control_default_path(char *path, size_t size);

#endif
