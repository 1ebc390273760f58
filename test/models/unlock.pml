/*
 * UNLOCK: the cure of a version whose owner signed two orders, or lost one. Its reports go through the chain, and what was
 * SETTLED before them is never voided, also when the owner pipelines and when the epoch closes in the middle.
 *
 * Documents: research/consensus.md §3.1 (U1-U3), §3.4 (E3-E5).
 *
 * Modelled
 *   Four members of weight 1 (q = 3); seat 0 lies in every way, seats 1-3 are honest, interchangeable and kept sorted. One
 *   object: orders 1 and 2 at version 1; at version 2 order 1 stands on order 1, order 2 on a VOID version 1
 *   (two orders on one head are in handover.pml).
 *   Network and votes as in handover.pml: certificates exist as soon as their votes do, and reach a member late or never.
 *   The chain: one UNLOCK, of version 1 or of version 2; its outcome, or a checkpoint that comes before it; CLOSE, reports,
 *   FINAL at any time between. Every member executes it in order and at its own pace, up to never.
 *   UNLOCK of a version is accepted only where the chain has decided its predecessor, or a certificate of it is on the
 *   chain, which decides it with that (UNLOCK_AHEAD if not: the owner's chain gets a hole that nothing fills).
 *   A VOID drops the LOCKs of later versions, which stand on what will never be; those votes stay known to the liar.
 *   A VOID binds the hand-over; an UNLOCK that is open at FINAL ends with its epoch, and its reports with it.
 *   In epoch 2 votes are cast anew.
 *
 * Not modelled: joiners, vacant seats and ABORT (handover.pml), batches, how the chain agrees, liveness.
 */

#ifdef QUORUM_TWO
#define Q 2
#else
#define Q 3
#endif

#define NONE 0
#define VOID 4
#define PREVIOUS(order2) (order2 == 2 -> VOID : 1)

typedef Seat {
  byte lock[3];
  byte head[3];      /* the order it knows certified in this epoch, or what the chain decided */
  byte confirmed[3];
  byte done[3];      /* by version: what it executed of an UNLOCK: 1 frozen, 2 the outcome */
  byte report;       /* on the UNLOCK that is open: 0 not filed, 1 no proof, 1 + order */
  byte dropped;      /* its LOCK of version 2 that a VOID ended */
  byte frozen;       /* it executed CLOSE */
  byte filed;        /* its CLOSE report: what is in `head`, which changes later only to what the chain decided */
#ifdef VOID_NOT_BINDING
  byte closing[3];   /* its CLOSE report */
#endif
};

Seat seat[4];

byte epoch = 1;
byte chain[3];     /* by version: an UNLOCK is open 1, or has its outcome 2 */
bool closed;
byte atClose[3];   /* `chain` when CLOSE came */
byte decided[3];
byte settled[3];

byte s, i, v, weighed, applied[3], found; /* of one step; 0 between steps */

#define LOCKED(x, ver, ord) (seat[x].lock[ver] == ord || (ver == 2 && seat[x].dropped == ord))
#define CONFIRMED(x, ver, ord) (seat[x].confirmed[ver] == ord)
#define SUM(kind, ver, ord) (1 + (kind(1, ver, ord) -> 1 : 0) + (kind(2, ver, ord) -> 1 : 0) + (kind(3, ver, ord) -> 1 : 0))
#define CERTIFICATE(ver, ord) (SUM(LOCKED, ver, ord) >= Q)
#define SETTLEMENT(ver, ord) (SUM(CONFIRMED, ver, ord) >= Q)

/* U2, E3: a frozen member votes for nothing at that version and after it. */
#define UNFROZEN(ver) (!seat[i].frozen && seat[i].done[1] != 1 && (ver == 1 || seat[i].done[2] != 1))
#ifdef LOCK_AFTER_FREEZE /* what is frozen is one version, and not those after it */
#define LOCKS(ver) (!seat[i].frozen && seat[i].done[ver] != 1)
#else
#define LOCKS(ver) UNFROZEN(ver)
#endif
#ifdef CONFIRM_AFTER_FREEZE
#define CONFIRMS(ver) (!seat[i].frozen)
#else
#define CONFIRMS(ver) UNFROZEN(ver)
#endif

#ifdef VOID_FORGOTTEN /* a certificate of a VOID version is adopted all the same */
#define OPEN(ver) (seat[i].head[ver] == NONE || seat[i].head[ver] == VOID)
#define UNDONE(ver) true
#else
#define OPEN(ver) (seat[i].head[ver] == NONE)
#define UNDONE(ver) (seat[i].done[ver] != 2)
#endif

#define MAY_LOCK1(ord) (LOCKS(1) && seat[i].head[1] == NONE && seat[i].lock[1] == NONE)
#define MAY_LOCK2(ord) (LOCKS(2) && seat[i].head[1] == PREVIOUS(ord) && seat[i].head[2] == NONE && seat[i].lock[2] == NONE)
#define MAY_ADOPT1(ord) (!seat[i].filed && OPEN(1) && CERTIFICATE(1, ord))
#define MAY_ADOPT2(ord) (!seat[i].filed && OPEN(2) && seat[i].head[1] == PREVIOUS(ord) && CERTIFICATE(2, ord))
#define MAY_CONFIRM(ver) \
  (CONFIRMS(ver) && UNDONE(ver) && seat[i].head[ver] != NONE && seat[i].head[ver] != VOID && seat[i].confirmed[ver] == NONE)

/* Blocks are executed in order: those after CLOSE after it. */
#define NEXT(ver, to) (seat[i].done[ver] == to - 1 && chain[ver] >= to && (!closed || seat[i].frozen || atClose[ver] >= to))
#ifdef REPORT_BEFORE_FREEZE
#define MAY_REPORT(ver) (chain[ver] == 1 && seat[i].report == 0)
#else
#define MAY_REPORT(ver) (chain[ver] == 1 && seat[i].done[ver] == 1 && seat[i].report == 0)
#endif

#ifdef VOID_NOT_BINDING /* what was reported before its version was VOID is applied at the end */
#define CLOSING(x, ver) seat[x].closing[ver]
#else
#define CLOSING(x, ver) seat[x].head[ver]
#endif

#ifdef UNLOCK_AHEAD
#define PRECEDED true
#else
#define PRECEDED (decided[1] != NONE || CERTIFICATE(1, 1) || CERTIFICATE(1, 2))
#endif

#ifdef UNLOCK_OUTLIVES_EPOCH
#define LAST_OF_UNLOCKS 2
#else
#define LAST_OF_UNLOCKS 1
#endif

#define GIVEN(x) (seat[x].report != 0 -> 1 : 0)
#define REPORTED (epoch <= LAST_OF_UNLOCKS && GIVEN(1) + GIVEN(2) + GIVEN(3) >= Q - 1)

inline settle(ver, ord) {
  assert(settled[ver] == NONE || settled[ver] == ord);
  assert(decided[ver] == NONE || decided[ver] == ord); /* a VOID version is not settled, neither before nor after */
  settled[ver] = ord
}

inline judge() {
  d_step {
    assert(!(CERTIFICATE(1, 1) && CERTIFICATE(1, 2)));
    assert(!(CERTIFICATE(2, 1) && CERTIFICATE(2, 2)));
    if :: SETTLEMENT(1, 1) -> settle(1, 1) :: else fi;
    if :: SETTLEMENT(1, 2) -> settle(1, 2) :: else fi;
    if :: SETTLEMENT(2, 1) -> settle(2, 1) :: else fi;
    if :: SETTLEMENT(2, 2) -> settle(2, 2) :: else fi;
    if :: CERTIFICATE(2, 1) -> settle(1, 1) :: else fi;
    assert(!CERTIFICATE(2, 2) || decided[1] == VOID);
#ifdef CERT_IS_FINAL
    if :: CERTIFICATE(1, 1) -> settle(1, 1) :: else fi;
    if :: CERTIFICATE(1, 2) -> settle(1, 2) :: else fi;
#endif
    assert(decided[2] == NONE || decided[1] != NONE);                                      /* no hole */
    assert(decided[2] == NONE || decided[2] == VOID || decided[1] == PREVIOUS(decided[2])); /* a chain */
#ifdef REACH
    assert(!(REACH));
#endif
    c_code {
      struct Seat kept;
      #define BY_ORDER(a, b) if (memcmp(&now.seat[a], &now.seat[b], sizeof kept) > 0) { \
        kept = now.seat[a]; now.seat[a] = now.seat[b]; now.seat[b] = kept; }
      BY_ORDER(1, 2) BY_ORDER(2, 3) BY_ORDER(1, 2)
    };
  }
}

/* The member learns what the chain made of a version; what it knew or voted on top of something else is over. */
inline execute(ver) {
  d_step {
    seat[i].done[ver] = 2;
    seat[i].head[ver] = decided[ver];
    if
    :: ver == 1 && seat[i].lock[2] != NONE && decided[1] != PREVIOUS(seat[i].lock[2]) ->
      seat[i].dropped = seat[i].lock[2]; seat[i].lock[2] = NONE
    :: else
    fi
  }
}

inline answered(ver) { chain[ver] = 2; seat[1].report = 0; seat[2].report = 0; seat[3].report = 0 }

/* U3: the outcome of any >= q reports: the order of a proof that one of them carries, else VOID. */
inline outcome(ver) {
  weighed = 0; found = NONE; s = 1;
  do
  :: s <= 3 && seat[s].report != 0 ->
    if :: seat[s].report > 1 -> assert(found == NONE || found == seat[s].report - 1); found = seat[s].report - 1 :: else fi;
    weighed++;
    s++
  :: s <= 3 -> s++
  :: s > 3 -> break
  od;
  if
  :: true ->
    weighed++;
    if
    :: skip
    :: CERTIFICATE(ver, 1) -> found = 1
    :: CERTIFICATE(ver, 2) -> found = 2
#ifdef REPORT_UNPROVEN
    :: found = 2
#endif
    fi
  :: true -> skip
  fi;
  s = 0;
  d_step {
    if
    :: weighed >= Q ->
      assert(found == NONE || CERTIFICATE(ver, found));
      decided[ver] = (found == NONE -> VOID : found);
      assert(settled[ver] == NONE || settled[ver] == decided[ver]); /* what was SETTLED is never voided */
      answered(ver)
    :: else
    fi;
    weighed = 0; found = 0
  }
}

inline apply(ver, ord) {
  if
#ifdef VOID_NOT_BINDING
  :: ord != NONE && ord != VOID ->
#else
  :: ord != NONE && decided[ver] == NONE ->
#endif
    assert(applied[ver] == NONE || applied[ver] == ord);
    applied[ver] = ord
  :: else
  fi
}

/* E4: any reports of weight >= q. */
inline choose() {
  weighed = 0; s = 1;
  do
  :: s <= 3 && seat[s].filed -> apply(1, CLOSING(s, 1)); apply(2, CLOSING(s, 2)); weighed++; s++
  :: s <= 3 -> s++
  :: s > 3 -> break
  od;
  if
  :: true ->
    weighed++;
    if :: skip :: CERTIFICATE(1, 1) -> apply(1, 1) :: CERTIFICATE(1, 2) -> apply(1, 2) fi;
    if :: skip :: CERTIFICATE(2, 1) -> apply(2, 1) :: CERTIFICATE(2, 2) -> apply(2, 2) fi
  :: true -> skip
  fi;
  s = 0
}

inline enter() {
  d_step {
    if :: applied[1] != NONE -> decided[1] = applied[1] :: else fi;
    if :: applied[2] != NONE -> decided[2] = applied[2] :: else fi;
    assert(settled[1] == NONE || settled[1] == decided[1]);
    assert(settled[2] == NONE || settled[2] == decided[2]);
    v = 1;
    do
    :: v <= 2 ->
#ifndef UNLOCK_OUTLIVES_EPOCH
      if :: chain[v] == 1 -> chain[v] = 0; seat[1].report = 0; seat[2].report = 0; seat[3].report = 0 :: else fi;
#endif
      atClose[v] = 0;
      settled[v] = (decided[v] == VOID -> NONE : decided[v]);
      s = 1;
      do
      :: s <= 3 ->
        seat[s].lock[v] = NONE; seat[s].head[v] = decided[v]; seat[s].confirmed[v] = NONE;
#ifdef VOID_NOT_BINDING
        seat[s].closing[v] = NONE;
#endif
        seat[s].done[v] = (decided[v] == NONE -> 0 : 2);
        s++
      :: else -> break
      od;
      v++
    :: else -> break
    od;
    s = 1;
    do
    :: s <= 3 -> seat[s].dropped = NONE; seat[s].frozen = 0; seat[s].filed = 0; s++
    :: else -> break
    od;
    s = 0; v = 0; applied[1] = NONE; applied[2] = NONE; weighed = 0;
    closed = false; epoch = 2
  }
}

active proctype neighborhood() {
end:
  do
  :: atomic { /* a member does something */
      if :: i = 1 :: i = 2 :: i = 3 fi;
      if
      :: MAY_LOCK1(1) -> seat[i].lock[1] = 1
      :: MAY_LOCK1(2) -> seat[i].lock[1] = 2
      :: MAY_LOCK2(1) -> seat[i].lock[2] = 1
      :: MAY_LOCK2(2) -> seat[i].lock[2] = 2
      :: MAY_ADOPT1(1) -> seat[i].head[1] = 1
      :: MAY_ADOPT1(2) -> seat[i].head[1] = 2
      :: MAY_ADOPT2(1) -> seat[i].head[2] = 1
      :: MAY_ADOPT2(2) -> seat[i].head[2] = 2
      :: MAY_CONFIRM(1) -> seat[i].confirmed[1] = seat[i].head[1]
      :: MAY_CONFIRM(2) -> seat[i].confirmed[2] = seat[i].head[2]
      :: NEXT(1, 1) -> seat[i].done[1] = 1
      :: NEXT(1, 2) -> execute(1)
      :: NEXT(2, 1) -> seat[i].done[2] = 1
      :: NEXT(2, 2) -> execute(2)
      :: MAY_REPORT(1) -> seat[i].report = 1 + seat[i].head[1]
      :: MAY_REPORT(2) -> seat[i].report = 1 + seat[i].head[2]
      :: closed && !seat[i].frozen && seat[i].done[1] >= atClose[1] && seat[i].done[2] >= atClose[2] -> seat[i].frozen = 1
      :: seat[i].frozen && !seat[i].filed -> d_step {
          seat[i].filed = 1;
#ifdef VOID_NOT_BINDING
          seat[i].closing[1] = seat[i].head[1]; seat[i].closing[2] = seat[i].head[2]
#endif
        }
      :: else
      fi;
      judge();
      i = 0
    }
  :: atomic { /* the chain goes on by a block */
      if
      :: chain[1] == 1 && settled[1] != NONE -> decided[1] = settled[1]; answered(1) /* a checkpoint was faster */
      :: chain[2] == 1 && settled[2] != NONE -> decided[2] = settled[2]; answered(2)
      :: epoch == 1 && chain[1] == 0 && chain[2] == 0 && decided[1] == NONE -> chain[1] = 1
      :: epoch == 1 && chain[1] == 0 && chain[2] == 0 && decided[2] == NONE && PRECEDED -> chain[2] = 1;
        if
#ifndef UNLOCK_AHEAD
        :: decided[1] == NONE && CERTIFICATE(1, 1) -> decided[1] = 1
        :: decided[1] == NONE && CERTIFICATE(1, 2) -> decided[1] = 2
#endif
        :: else
        fi
      :: epoch == 1 && !closed -> closed = true; atClose[1] = chain[1]; atClose[2] = chain[2]
      :: else
      fi;
      judge()
    }
  :: REPORTED && chain[1] == 1 -> atomic { outcome(1); judge() }
  :: REPORTED && chain[2] == 1 -> atomic { outcome(2); judge() }
  :: closed && seat[1].filed + seat[2].filed + seat[3].filed >= Q - 1 -> atomic {
      choose();
      if
      :: weighed >= Q -> enter()
      :: else -> d_step { applied[1] = NONE; applied[2] = NONE; weighed = 0 }
      fi;
      judge()
    }
  od
}
