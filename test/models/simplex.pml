/*
 * Simplex, the order of blocks: two slots after a beginning, four members of whom one lies. No two final blocks contradict.
 *
 * Documents: research/consensus.md §3.2 (S2-S4, S6), after Chan and Pass, eprint 2023/463.
 *
 * Modelled
 *   Every leader lies: in slot 0 there are two candidates A and B, in slot 1 two on each of A, B and the beginning. Member 0
 *   votes for all of it; members 1-3 are honest, interchangeable and kept sorted. Certificates (q = 3) exist as soon as their votes
 *   do and reach a member late or never. The skip timer may run out whenever it likes.
 *   A vote is durable before it is out, so that a restart changes nothing (RESTART_FORGETS if not).
 *
 * Not modelled: payloads, timers, repetition, leaders that keep the rules (they do nothing that these could not).
 */

#ifdef QUORUM_TWO
#define Q 2
#else
#define Q 3
#endif

/* Candidates by number; 0 is none. Slot 0: 1 A, 2 B. Slot 1: 1, 2 on A; 3, 4 on B; 5, 6 on the beginning. */
#define ON_A(c) (c == 1 || c == 2)
#define ON_B(c) (c == 3 || c == 4)

typedef Member {
  byte notarized[2]; /* by slot: the candidate */
  byte skipped[2];
  byte finalized[2]; /* the candidate */
#if defined(RESTART_FORGETS) || defined(NOTARIZES_TWICE)
  byte before[2];    /* what it notarized before that */
#endif
};

Member member[4];
byte i, c, w; /* of one step */

#if defined(RESTART_FORGETS) || defined(NOTARIZES_TWICE)
#define NOTARIZED(x, slot, ca) (member[x].notarized[slot] == ca || member[x].before[slot] == ca)
#else
#define NOTARIZED(x, slot, ca) (member[x].notarized[slot] == ca)
#endif
#define SKIPPED(x, slot, ca) (member[x].skipped[slot] != 0)
#define FINALIZED(x, slot, ca) (member[x].finalized[slot] == ca)
#define CERTIFICATE(kind, slot, ca) (1 + (kind(1, slot, ca) -> 1 : 0) + (kind(2, slot, ca) -> 1 : 0) + (kind(3, slot, ca) -> 1 : 0) >= Q)

/* S2: a certificate of the parent, and of the skip of all slots between. */
#ifdef PARENT_UNSKIPPED
#define STANDS(ca) (ON_A(ca) -> CERTIFICATE(NOTARIZED, 0, 1) : (ON_B(ca) -> CERTIFICATE(NOTARIZED, 0, 2) : true))
#else
#define STANDS(ca) (ON_A(ca) -> CERTIFICATE(NOTARIZED, 0, 1) : (ON_B(ca) -> CERTIFICATE(NOTARIZED, 0, 2) : CERTIFICATE(SKIPPED, 0, 0)))
#endif
#ifdef PARENT_UNNOTARIZED
#define MAY_NOTARIZE(slot, ca) (member[i].notarized[slot] == 0)
#else
#define MAY_NOTARIZE(slot, ca) (member[i].notarized[slot] == 0 && (slot == 0 || STANDS(ca)))
#endif
/* S3 */
#ifdef FINAL_AFTER_SKIP
#define UNSKIPPED(slot) true
#else
#define UNSKIPPED(slot) (member[i].skipped[slot] == 0)
#endif
#define MAY_FINALIZE(slot, ca) (member[i].finalized[slot] == 0 && member[i].notarized[slot] == ca && CERTIFICATE(NOTARIZED, slot, ca) && UNSKIPPED(slot))
/* S4 */
#ifdef SKIP_AFTER_FINAL
#define MAY_SKIP(slot) (member[i].skipped[slot] == 0)
#else
#define MAY_SKIP(slot) (member[i].skipped[slot] == 0 && member[i].finalized[slot] == 0)
#endif

#define FINAL0(ca) CERTIFICATE(FINALIZED, 0, ca)
#define FINAL1(ca) CERTIFICATE(FINALIZED, 1, ca)

inline judge() {
  d_step {
    assert(!(FINAL0(1) && FINAL0(2)));
    /* a final block of slot 1 stands on what is final in slot 0, and there is one */
    w = 0; c = 1;
    do
    :: c <= 6 ->
      if
      :: FINAL1(c) ->
        w++;
        assert(w == 1);
        assert(!FINAL0(1) || ON_A(c));
        assert(!FINAL0(2) || ON_B(c))
      :: else
      fi;
      c++
    :: else -> break
    od;
    w = 0; c = 0; i = 0;
#ifdef REACH
    assert(!(REACH));
#endif
    c_code {
      struct Member kept;
      #define BY_ORDER(a, b) if (memcmp(&now.member[a], &now.member[b], sizeof kept) > 0) { \
        kept = now.member[a]; now.member[a] = now.member[b]; now.member[b] = kept; }
      BY_ORDER(1, 2) BY_ORDER(2, 3) BY_ORDER(1, 2)
    }
  }
}

active proctype committee() {
end:
  do
  :: atomic {
      if :: i = 1 :: i = 2 :: i = 3 fi;
      if :: c = 1 :: c = 2 :: c = 3 :: c = 4 :: c = 5 :: c = 6 fi;
      if
      :: c <= 2 && MAY_NOTARIZE(0, c) -> member[i].notarized[0] = c
      :: MAY_NOTARIZE(1, c) -> member[i].notarized[1] = c
#ifdef NOTARIZES_TWICE
      :: c <= 2 && member[i].notarized[0] != 0 && member[i].before[0] == 0 -> member[i].before[0] = c
      :: member[i].notarized[1] != 0 && member[i].before[1] == 0 && STANDS(c) -> member[i].before[1] = c
#endif
#ifdef RESTART_FORGETS
      :: c == 1 && member[i].notarized[0] != 0 && member[i].before[0] == 0 -> d_step {
          member[i].before[0] = member[i].notarized[0]; member[i].notarized[0] = 0
        }
#endif
      :: c <= 2 && MAY_FINALIZE(0, c) -> member[i].finalized[0] = c
      :: MAY_FINALIZE(1, c) -> member[i].finalized[1] = c
      :: c == 1 && MAY_SKIP(0) -> member[i].skipped[0] = 1
      :: c == 1 && MAY_SKIP(1) -> member[i].skipped[1] = 1
      :: else -> c = 0
      fi;
      if
      :: c == 0 -> i = 0
      :: else -> judge()
      fi
    }
  od
}
