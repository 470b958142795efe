// SPDX-License-Identifier: Apache-2.0
// The words behind "castorctl sound".
#ifndef CASTORCTL_SOUND_H
#define CASTORCTL_SOUND_H

#include "castorctl/client.h"

// Does what `words` say: "gain TRACK DB", "delay TRACK MS", "map TRACK MAP", "mute TRACK", "unmute TRACK".
// CASTOR_ERR_INVALID with *why filled in when they say something else; otherwise as commands_sound().
CASTOR_MUST_USE int sound_run(struct client *client, char **words, int count, struct client_why *why);

#endif
