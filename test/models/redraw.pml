/*
 * New sequencers for the public log, number after number: four witnesses, each with one vote for a number. What is NETWORK stays, and no number
 * has two decisions, though numbers are skipped, decided late and heard of out of order.
 *
 * Documents: src/PROTOCOL.md (public log, new MasterNodes), src/consensus/publiclog/{witness,redraw,redraw-count}.ts. One generation and
 * its growth in full: publiclog.pml.
 *
 * Modelled
 *   Logs of one leaf, this or that: 1 is the empty log, 2 and 3 are those of one leaf. Generations 0, 1 and 2, each a log with another name. The sequencers of all of
 *   them lie: any checkpoint (log, mark) that goes on from a base that was decided is signed and can be shown to anyone.
 *   Witness 0 lies: it cosigns everything and votes for everything. 1-3 are honest, interchangeable and kept sorted; with the liar any two of them are
 *   more than two thirds.
 *   A witness votes for any number above all that it has voted for and above its generation, on the newest network-cosigned log that it knows; that ends all lower
 *   generations for it. It goes on to any decided generation above its own, late or never, and cosigns there only what is not below its newest vote.
 *
 * Not modelled: which leaves are valid, who is drawn, when somebody votes (votes for both numbers are possible at any time).
 */

#define EXTENDS(log, other) ((log) == (other) || (other) == 1)
#define AGREE(log, other) (EXTENDS(log, other) || EXTENDS(other, log))
#define BIT(log, mark) (1 << (2 * ((log) - 2) + (mark)))

typedef Witness {
  byte cosigned[3];  /* by generation: its cosignatures that are out, a bit for each checkpoint */
  byte voted[3];     /* by number: its votes that are out, a bit for each base */
  byte generation;
  byte number;       /* the highest that it has voted for */
  byte head;         /* the log that it cosigned last */
  byte network;      /* the newest log that it knows network-cosigned */
};

Witness witness[4];

/* What all signatures there are would show; nobody reads these. */
byte final = 1;   /* the longest log that is NETWORK */
byte base[3];     /* of each generation, 0: not decided */
bool isBegun;     /* something was cosigned: the first leaf is called 2 */

byte i, gen, log, mark; /* of one step; 0 between steps */

#define COUNT(a, b, c) (((a) -> 1 : 0) + ((b) -> 1 : 0) + ((c) -> 1 : 0))
#define HAS(x, g, l, m) (witness[x].cosigned[g] & BIT(l, m))
#define COSIGNED(g, l, m) (COUNT(HAS(1, g, l, m), HAS(2, g, l, m), HAS(3, g, l, m)) >= 2)
#define BY_NETWORK(g, l) (COSIGNED(g, l, 0) || COSIGNED(g, l, 1))
#define VOTED(x, n, l) (witness[x].voted[n] & (1 << (l)))
#define DECIDED(n, l) (COUNT(VOTED(1, n, l), VOTED(2, n, l), VOTED(3, n, l)) >= 2)

#ifdef OLD_NUMBER_COSIGNED /* who goes on to a generation cosigns it, whatever it has voted for since */
#define IS_OPEN(x) (witness[x].number <= witness[x].generation || witness[x].generation > 0)
#else
#define IS_OPEN(x) (witness[x].number <= witness[x].generation)
#endif

#ifdef VOTES_REPEATED /* votes again for a number when it knows a newer base */
#define MAY_VOTE(x, n) (n > witness[x].generation && n >= witness[x].number && !VOTED(x, n, witness[x].network))
#else
#define MAY_VOTE(x, n) (n > witness[x].generation && n > witness[x].number)
#endif

#ifdef BASE_IS_EMPTY
#define BASE(x) 1
#else
#define BASE(x) witness[x].network
#endif

#if !defined(OLD_NUMBER_COSIGNED) && !defined(VOTES_REPEATED) && !defined(BASE_IS_EMPTY)
#define FORGETFUL /* what has no consequence any more is forgotten */
#define LEARNS(x) (witness[x].number < 2 || IS_OPEN(x))
#else
#define LEARNS(x) true
#endif

#define MAY_COSIGN(x, l, m) (IS_OPEN(x) && (l == 2 || isBegun) && EXTENDS(l, witness[x].head) && EXTENDS(l, witness[x].network) && (m == 0 || witness[x].network == l) && !HAS(x, witness[x].generation, l, m))
#define MAY_LEARN(x, l) (LEARNS(x) && witness[x].network == 1 && BY_NETWORK(witness[x].generation, l))
#define MAY_ADOPT(x, n, l) (witness[x].generation < n && DECIDED(n, l))

inline finalize(l) {
  assert(AGREE(l, final)); /* no two NETWORK certificates contradict each other, ever */
  if :: final == 1 -> final = l :: else fi
}

inline inspect(g, l) {
  if :: COSIGNED(g, l, 1) -> finalize(l) :: else fi
}

inline elect(n, l) {
  if :: DECIDED(n, l) -> assert(base[n] == 0 || base[n] == l); base[n] = l :: else fi /* one base */
}

inline judge() {
  d_step {
    inspect(0, 2); inspect(0, 3); inspect(1, 2); inspect(1, 3); inspect(2, 2); inspect(2, 3);
    elect(1, 1); elect(1, 2); elect(1, 3); elect(2, 1); elect(2, 2); elect(2, 3);
#ifdef REACH
    assert(!(REACH));
#endif
  }
}

#define ALL_BEYOND(g) (witness[1].generation > g && witness[2].generation > g && witness[3].generation > g)
#define FORGET_GENERATION(g) \
  if :: ALL_BEYOND(g) -> \
    witness[1].cosigned[g] = 0; witness[2].cosigned[g] = 0; witness[3].cosigned[g] = 0; \
    witness[1].voted[g + 1] = 0; witness[2].voted[g + 1] = 0; witness[3].voted[g + 1] = 0 \
  :: else fi
#define FORGET_HEADS(x) \
  if :: !IS_OPEN(x) -> witness[x].head = 1 :: else fi; \
  if :: !LEARNS(x) -> witness[x].network = 1 :: else fi

inline sort() {
#ifdef FORGETFUL
  d_step { FORGET_GENERATION(0); FORGET_GENERATION(1); FORGET_HEADS(1); FORGET_HEADS(2); FORGET_HEADS(3) }
#endif
  c_code {
    struct Witness kept;
    #define BY_ORDER(a, b) if (memcmp(&now.witness[a], &now.witness[b], sizeof kept) > 0) { \
      kept = now.witness[a]; now.witness[a] = now.witness[b]; now.witness[b] = kept; }
    BY_ORDER(1, 2) BY_ORDER(2, 3) BY_ORDER(1, 2)
  }
}

active proctype everyone() {
  d_step {
    i = 1;
    do
    :: i <= 3 -> witness[i].head = 1; witness[i].network = 1; i++
    :: else -> break
    od;
    i = 0
  }
#define COSIGNS(x) \
  :: MAY_COSIGN(x, 2, 0) -> i = x; log = 2 \
  :: MAY_COSIGN(x, 2, 1) -> i = x; log = 2; mark = 1 \
  :: MAY_COSIGN(x, 3, 0) -> i = x; log = 3 \
  :: MAY_COSIGN(x, 3, 1) -> i = x; log = 3; mark = 1

#define VOTES(x) \
  :: MAY_VOTE(x, 1) -> i = x; gen = 1 \
  :: MAY_VOTE(x, 2) -> i = x; gen = 2

#define HEARS(x) \
  :: MAY_LEARN(x, 2) -> witness[x].network = 2 \
  :: MAY_LEARN(x, 3) -> witness[x].network = 3

#define ADOPTS(x, n, l) \
  :: MAY_ADOPT(x, n, l) -> witness[x].generation = n; witness[x].head = l; witness[x].network = l

end:
  do
  :: atomic { /* a cosignature */
      if COSIGNS(1) COSIGNS(2) COSIGNS(3) fi;
      d_step {
        witness[i].head = log;
        witness[i].cosigned[witness[i].generation] = witness[i].cosigned[witness[i].generation] | BIT(log, mark);
        isBegun = true;
        i = 0; log = 0; mark = 0
      }
      judge();
      sort()
    }
  :: atomic { /* a vote to draw anew */
      if VOTES(1) VOTES(2) VOTES(3) fi;
      d_step {
        witness[i].voted[gen] = witness[i].voted[gen] | (1 << BASE(i));
        witness[i].number = gen;
        i = 0; gen = 0
      }
      judge();
      sort()
    }
  :: atomic { /* news */
      if
      HEARS(1) HEARS(2) HEARS(3)
      ADOPTS(1, 1, 1) ADOPTS(1, 1, 2) ADOPTS(1, 1, 3) ADOPTS(1, 2, 1) ADOPTS(1, 2, 2) ADOPTS(1, 2, 3)
      ADOPTS(2, 1, 1) ADOPTS(2, 1, 2) ADOPTS(2, 1, 3) ADOPTS(2, 2, 1) ADOPTS(2, 2, 2) ADOPTS(2, 2, 3)
      ADOPTS(3, 1, 1) ADOPTS(3, 1, 2) ADOPTS(3, 1, 3) ADOPTS(3, 2, 1) ADOPTS(3, 2, 2) ADOPTS(3, 2, 3)
      fi;
      sort()
    }
  od
}
