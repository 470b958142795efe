// SPDX-License-Identifier: Apache-2.0
// One list of results for the whole house.
#ifndef HAL_ERROR_H
#define HAL_ERROR_H

// Every function that can fail returns 0 or one of these, always negative. What it yields goes to its last
// pointer argument, which is untouched on failure; the caller still owns whatever it passed in.
enum castor_error {
    CASTOR_OK = 0,
    CASTOR_ERR_AGAIN = -1,       // nothing there yet; ask again after the descriptor is readable or later
    CASTOR_ERR_TIMEOUT = -2,     // the deadline passed
    CASTOR_ERR_INVALID = -3,     // input from outside is malformed: wrong size, type, range or combination
    CASTOR_ERR_UNSUPPORTED = -4, // well formed, but this driver or build cannot do it
    CASTOR_ERR_NO_MEMORY = -5,   // memory, a session or another countable resource is exhausted
    CASTOR_ERR_IO = -6,          // the device, file or socket failed
    CASTOR_ERR_BUSY = -7,        // somebody else holds it
    CASTOR_ERR_LOST = -8,        // the device, process or peer is gone; only closing and opening again helps
    CASTOR_ERR_DENIED = -9,      // no permission
    CASTOR_ERR_NOT_FOUND = -10,  // no such file, device, host, name
    CASTOR_ERR_FULL = -11,       // no room now: a queue, ring or pool is at its limit
    CASTOR_ERR_END = -12,        // the stream has ended
    CASTOR_ERR_REJECTED = -13,   // the peer answered no (passphrase, stream id, version)
    CASTOR_ERR_INTERNAL = -14,   // a bug: an invariant did not hold
};

// A result that is ignored is a bug.
#define CASTOR_MUST_USE __attribute__((warn_unused_result))

// The name of a result in plain words ("timed out"), for messages that users see. Never NULL, static storage.
const char *castor_error_text(int error);

// Maps a positive errno value to the nearest castor_error.
int castor_error_from_errno(int errno_value);

#endif
