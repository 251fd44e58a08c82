"""Why a transaction scored as it did: exact shares, sentences, a second opinion, neighbours."""
