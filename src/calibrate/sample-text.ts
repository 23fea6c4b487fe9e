/**
 * The built-in calibration text: about 18,000 tokens written for this package (Apache-2.0), mixed on
 * purpose — narrative, reports, encyclopaedic prose, letters, dialogue, facts, tables, arithmetic,
 * code, and passages in ten other languages — so that calibration needs no download. Passages are
 * shuffled, because samples are consecutive windows and few of them must be varied already.
 */
export const SAMPLE_TEXT = `The ferry had been late since Tuesday. Not late on one crossing or another, but late as a condition, the way a person can be shy. Marta Oyelaran sat on her suitcase at the end of the pier and watched a heron stand in the shallows with the patience of a tax inspector. Behind her, two brothers argued about whether the lighthouse on the far island had ever been painted blue. "Grandfather had a photograph," said the taller one. "Grandfather had a photograph of everything," said the other, "and half of them were of Denmark."

def rolling_median(values, width):
    """Yield the median of each full window over an iterable."""
    from bisect import insort, bisect_left
    from collections import deque

    window, ordered = deque(), []
    for v in values:
        window.append(v)
        insort(ordered, v)
        if len(window) > width:
            old = window.popleft()
            del ordered[bisect_left(ordered, old)]
        if len(window) == width:
            mid = width // 2
            if width % 2:
                yield ordered[mid]
            else:
                yield (ordered[mid - 1] + ordered[mid]) / 2

Mitochondria are usually introduced as the power stations of the cell, which is fair but incomplete. They burn the products of digestion in oxygen and store the released energy in molecules of ATP, yet they also help decide when a damaged cell should dismantle itself, manage stores of calcium, and generate heat in the brown fat of newborn mammals. They carry a small ring of their own DNA, inherited in most animals through the mother alone. The leading explanation is that, well over a billion years ago, a free-living bacterium was engulfed by a larger host and never digested; the partnership lasted, and nearly all of the guest's genes migrated into the nucleus.

User: I left a cast-iron pan soaking overnight and now it's orange. Did I ruin it?
Assistant: Almost certainly not. The orange film is surface rust, and cast iron forgives a lot. Scrub it with steel wool until you see grey metal, rinse, and dry it right away on a warm burner. Then rub in a very thin coat of vegetable oil, wipe off as much as you can, and bake the pan upside down at about 230 °C for an hour. Repeat the oiling and baking two or three times if the surface looks patchy.
User: Does it matter which oil?
Assistant: Less than the internet suggests. Pick one with a fairly high smoke point, such as canola, grapeseed or sunflower. What matters most is the thin layer, because thick oil goes sticky.

La panadería de la calle Olmo abre a las seis, pero don Anselmo llega a las tres y media. Enciende el horno, pone la radio muy bajito y habla con la masa como si fuera una sobrina testaruda. Los vecinos dicen que su pan sabe distinto los lunes; él responde que los lunes, simplemente, todos tienen más hambre.

| River | Approximate length (km) | Empties into | Countries on main stem |
|---|---:|---|---|
| Mekong | 4,350 | South China Sea | China, Myanmar, Laos, Thailand, Cambodia, Vietnam |
| Danube | 2,850 | Black Sea | ten, from Germany to Ukraine |
| Murray | 2,508 | Southern Ocean | Australia |
| Zambezi | 2,574 | Indian Ocean | Zambia, Angola, Namibia, Botswana, Zimbabwe, Mozambique |
| Mackenzie | 1,738 | Beaufort Sea | Canada |

HALVORSEN BAY — Councillors voted 7–4 on Thursday night to close the eastern half of the old fish market to cars, ending a dispute that had divided shopkeepers for nearly three years. The change takes effect on 1 March. Delivery vans will still be admitted before nine in the morning, and eighteen parking spaces for disabled drivers are to be moved to Cooper Lane. "We looked at the accident figures and we looked at the noise readings, and neither left much room for doubt," said Ingrid Passmore, who chairs the transport committee. Opponents said the study had counted traffic during a school holiday and asked that it be repeated.

A cyclist rides from Arden to Belcombe at 18 km/h and returns along the same road at 12 km/h. The whole trip takes 5 hours. How far apart are the towns? Let the distance be d kilometres. The outward leg takes d/18 hours and the return d/12, so d/18 + d/12 = 5. Multiplying by 36 gives 2d + 3d = 180, hence d = 36. The towns are 36 km apart. Note that the average speed for the trip, 72/5 = 14.4 km/h, is not the mean of 18 and 12.

Dear Mr. Abernathy,

Thank you for returning the proofs so promptly. I have accepted all but two of your corrections. On page 41 I would rather keep "hoarse" because the horse in the previous sentence is meant to make the reader stumble; and on page 112 the aunt is indeed seventy-one in the first half and sixty-nine in the second, since she lies about it to the census man. Perhaps a footnote would spoil the joke. The binding samples arrived damp, but the green cloth is the handsomer of the pair.

With warm regards,
Philippa Wren-Castellanos

Johannes Kepler inherited from Tycho Brahe the most precise record of planetary positions yet made by the naked eye, and he spent years trying to force the path of Mars into combinations of circles. A discrepancy of eight minutes of arc, about a quarter of the width of the full Moon, would not go away. Instead of blaming the measurements he gave up the circles. An ellipse with the Sun at one focus fitted; so did the rule that a line from Sun to planet sweeps out equal areas in equal times. A third law, relating the square of the orbital period to the cube of the mean distance, followed a decade later, buried in a book about musical harmony.

SELECT d.name AS depot,
       COUNT(*) FILTER (WHERE s.status = 'delayed') AS late,
       ROUND(AVG(s.weight_kg)::numeric, 1) AS mean_weight
FROM shipments AS s
JOIN depots AS d ON d.id = s.depot_id
WHERE s.dispatched_at >= DATE '2021-04-01'
  AND s.carrier NOT IN ('internal', 'courier-test')
GROUP BY d.name
HAVING COUNT(*) > 25
ORDER BY late DESC, depot;

Der Zug nach Bregenz hielt an einem Bahnhof, den es auf keinem Fahrplan gab. Niemand stieg aus, nur ein älterer Herr mit einem Cello öffnete das Fenster und fragte den Schaffner, ob man hier Kaffee bekomme. „Erst im Frühling", antwortete dieser, und der Zug fuhr weiter, als wäre nichts geschehen.

To re-string a window blind you need a length of 1.4 mm cord, a crochet hook and some patience. Lower the blind fully, take it off its brackets and lay it on a table. Pop the plastic buttons out of the bottom rail and cut the knots, but leave the old cord in place: tape the new cord end-to-end with the old and pull it up through the slats like a locomotive drawing carriages. Watch that it passes the ladder tapes alternately on the left and on the right. Tie off with a double overhand knot, snip the tail at two centimetres, and melt the end briefly with a lighter.

Hiroko found the letters in a biscuit tin under the stairs, tied in three bundles with kitchen string. The first bundle was all weather: frost on the persimmons, a typhoon that took the neighbour's roof, eleven days of fog. The second was money. The third she read standing up, in the kitchen, with the kettle screaming and nobody to take it off the flame. When she had finished she put them back in their order and never asked her mother about Sapporo again, though from that day she could not hear the name of the city without smelling scorched tin.

interface Booking {
  readonly id: string;
  guest: { name: string; email?: string };
  nights: number;
  roomType: "single" | "twin" | "suite";
}

const RATES: Record<Booking["roomType"], number> = { single: 64, twin: 92, suite: 175 };

export function quote(b: Booking, discount = 0): number {
  if (b.nights < 1) throw new RangeError(\`booking \${b.id}: nights must be positive\`);
  const gross = RATES[b.roomType] * b.nights;
  const longStay = b.nights >= 7 ? 0.1 : 0;
  return Math.round(gross * (1 - Math.max(discount, longStay)) * 100) / 100;
}

The octopus arm contains more neurons than many people expect; roughly two thirds of the animal's nerve cells lie outside its central brain. An arm can taste what it touches, since the suckers carry chemical receptors, and a severed arm will still recoil from a pinch for some minutes. Whether this amounts to nine minds or to one mind with unusual delegates is a question on which biologists and philosophers cheerfully disagree. What is certain is that the body poses few limits: an animal of several kilograms may slip through a gap no wider than its beak.

小镇的邮局只有一扇窗户，窗台上养着一盆薄荷。老陈在这里工作了三十一年，能凭信封的厚薄猜出里面是喜事还是账单。退休那天，他把印章擦干净，寄给自己一张没有写字的明信片。

Notice of Termination. Either party may terminate this Agreement for convenience upon sixty (60) days' written notice delivered to the address set forth in Schedule B. In the event of a material breach that remains uncured for fifteen (15) business days after receipt of notice describing the breach in reasonable detail, the non-breaching party may terminate immediately. Sections 4 (Confidentiality), 9 (Limitation of Liability) and 12 (Governing Law) shall survive any expiration or termination. No waiver of any provision is effective unless it is made in writing and signed by the party against whom it is asserted.

Three reasons the tulip price collapse of 1637 is misremembered:
- Most trades were promises exchanged in taverns during winter, when the bulbs lay in the ground; few sums were ever paid.
- The stories of ruined chimney sweeps come largely from moralising pamphlets printed afterwards to mock the buyers.
- The Dutch economy as a whole kept growing, and courts mostly declined to enforce the contracts.

"You're holding it like a frying pan," said the coach.
"It is basically a frying pan," said Tobias.
"A frying pan doesn't need topspin. Loosen the thumb. Looser. You should be able to drop it if I sneeze."
"And if you don't sneeze?"
"Then hit the ball."
He hit the ball. It struck the ceiling light, which went on swinging through the whole of the fire drill.

fn parse_duration(text: &str) -> Result<u64, String> {
    let mut total = 0u64;
    let mut digits = String::new();
    for ch in text.chars().filter(|c| !c.is_whitespace()) {
        match ch {
            '0'..='9' => digits.push(ch),
            'h' | 'm' | 's' => {
                let n: u64 = digits
                    .parse()
                    .map_err(|_| format!("missing number before '{ch}'"))?;
                digits.clear();
                total += n * match ch { 'h' => 3600, 'm' => 60, _ => 1 };
            }
            other => return Err(format!("unexpected character {other:?}")),
        }
    }
    if digits.is_empty() { Ok(total) } else { Err("trailing number without unit".into()) }
}

Basalt and granite both start as molten rock, and the difference between them is partly a matter of haste. Basalt reaches the surface and chills within days or weeks, so its crystals are too small to see; granite cools kilometres underground over hundreds of thousands of years, long enough for quartz, feldspar and mica to grow into visible grains. Chemistry differs as well. Basalt is rich in iron and magnesium and floors the oceans, while the lighter, silica-laden granite makes up much of the continents, which ride higher for the same reason that a cork does.

Reviewed: The Salt Almanac, a chamber opera in two acts. It is rare for a new work to open with silence, and rarer for the silence to be the best-rehearsed thing in it. For ninety seconds the six singers stand with their backs to us while a projected tide climbs the wall. When the clarinet finally enters, a fraction flat and deliberately so, the audience exhales. What follows is uneven. Dmitri Falkenrath's vocal lines sit beautifully for the mezzo, less so for the baritone, who spends much of the second act barking at the bottom of his range. The libretto trusts us to work out who has drowned; the surtitles, unfortunately, do not.

Le samedi, ma tante Odile réparait les parapluies de tout l'immeuble. Elle refusait l'argent mais acceptait les potins, et c'est ainsi qu'elle apprit, bien avant le notaire, que le dentiste du troisième avait vendu son bateau. « Une baleine cassée, disait-elle, ça se soigne ; une langue trop longue, jamais. »

Lentil soup with burnt butter (serves four)

Rinse 250 g of brown lentils and set them to simmer in a litre and a half of water with a bay leaf, half an onion and a strip of orange peel. Meanwhile sweat two diced carrots, a stalk of celery and the rest of the onion in olive oil until they slump. Tip the vegetables into the lentils after twenty minutes, add a teaspoon of cumin, and cook until everything is soft. Fish out the bay, peel and onion half. In a small pan let 60 g of butter foam and go the colour of hazelnuts; take it off the heat and throw in a pinch of smoked paprika and a tablespoon of sherry vinegar, standing well back. Ladle the soup into bowls, then streak the butter across the top.

#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>

struct node { int32_t key; struct node *left, *right; };

static struct node *insert(struct node *root, int32_t key) {
    if (!root) {
        struct node *n = calloc(1, sizeof *n);
        if (!n) { perror("calloc"); exit(EXIT_FAILURE); }
        n->key = key;
        return n;
    }
    if (key < root->key) root->left = insert(root->left, key);
    else if (key > root->key) root->right = insert(root->right, key);
    return root;
}

static unsigned height(const struct node *t) {
    if (t == NULL) return 0;
    unsigned a = height(t->left), b = height(t->right);
    return 1 + (a > b ? a : b);
}

The Hanseatic League was never quite a state, though it waged wars, signed treaties and kept embassies. It grew out of associations of German merchants who travelled together for safety, and by the fourteenth century it bound together scores of towns from the Low Countries to Livonia. Lübeck presided, more or less. The League's great trading posts lay abroad: the Steelyard in London, Bryggen in Bergen with its dried cod, the Peterhof in Novgorod with its furs and wax. It possessed no permanent army, no common treasury and no agreed list of members, an arrangement that proved surprisingly durable until stronger kingdoms, and the herring's change of habits, undid it.

Q: What's the difference between weather and climate, in one breath?
A: Weather is what you get this afternoon; climate is the whole spread of afternoons you could reasonably expect, worked out over decades.

Q: Could I see a satellite without a telescope?
A: Yes. Look an hour or so after sunset for a steady, unblinking point crossing the sky in a few minutes. It shines by reflected sunlight and may fade abruptly as it enters the Earth's shadow.

Q: Why do onions make people cry?
A: Cutting ruptures the cells and lets an enzyme meet sulphur compounds that are normally kept apart. One product is a volatile irritant that reaches your eyes, which respond by rinsing themselves. Chilling the onion slows the reaction; a sharp knife breaks fewer cells.

In the valley the schoolteacher was also the piano tuner, the notary and, during lambing, the vet's assistant, and so it was natural that when the bridge went they sent for her. Ilse Brandvold walked down in her late husband's boots and looked at the place where the planks had been. The river was the colour of milky tea. On the other side stood the postman with his bicycle, and behind him a cow nobody recognised. "Well," she called across, "what's in the bag?" He held up an envelope and shouted that it appeared to be for the cow.

Protokoll der Versammlung: Anwesend waren vierzehn Mitglieder des Kleingartenvereins. Der Antrag, Hühner zu erlauben, wurde mit neun Stimmen angenommen, sofern kein Hahn gehalten wird. Die Wasseruhr an Parzelle 22 muss bis Ende Mai ersetzt werden.

Sprint finishes in road cycling look chaotic and are nearly choreography. In the last five kilometres each sprinter's team forms a train, every rider taking a turn in the wind and peeling away exhausted. The final helper, the lead-out, tries to deliver his captain at something like sixty kilometres an hour with about two hundred metres to go. Launch earlier, and the air resistance that everyone else has been spared brings the legs to a halt before the line; launch later, and the door closes. In 2014 Annelore Dewit, racing a village criterium in the rain, won by simply forgetting to brake.

#!/usr/bin/env bash
set -euo pipefail

src=\${1:?usage: snapshot.sh SOURCE DEST [KEEP]}
dest=\${2:?missing destination}
keep=\${3:-14}
stamp=$(date -u +%Y%m%dT%H%M%SZ)

mkdir -p "$dest"
if [[ -L "$dest/latest" ]]; then
  rsync -a --delete --link-dest="$(readlink -f "$dest/latest")" "$src/" "$dest/$stamp/"
else
  rsync -a "$src/" "$dest/$stamp/"
fi
ln -sfn "$stamp" "$dest/latest"
find "$dest" -mindepth 1 -maxdepth 1 -type d -name '2*Z' | sort | head -n "-$keep" | xargs -r rm -rf --

What do we owe to objects? I do not mean valuables. I mean the ladle with the bent lip, the umbrella that opens only if you swear at it, the chair nobody sits in because of what it did to Uncle Feliks. A friend who restores furniture tells me that people apologise when they bring her things. They apologise for the stain, for the woodworm, for a decade in the garage. She thinks they are confessing. I think they are introducing. You do not apologise for a stranger; you apologise for someone you live with, whose table manners you have stopped noticing until company arrives.

Солнце садилось за элеватор, и тень от него дотянулась до самой реки. Мальчишки чинили лодку, споря о том, чем лучше конопатить щели. «Смолой», — сказал старик с удочкой, не оборачиваясь. Больше он за весь вечер не произнёс ни слова, но утром лодка была сухой.

A vaccine trains the immune system by rehearsal. It presents some recognisable feature of a pathogen, perhaps a weakened or killed organism, an isolated protein, or the genetic recipe for making that protein, and lets the body respond at leisure. Among the billions of lymphocytes produced at random, the few whose receptors happen to fit begin to multiply. Some become plasma cells, secreting antibodies by the thousand each second; others settle down as memory cells and may wait for decades. When the real infection comes, the response that would have taken a fortnight takes days.

{
  "station": "KVIK-07",
  "location": { "lat": 68.2341, "lon": 14.5682, "elevation_m": 12 },
  "observed": "2019-11-23T06:00:00+01:00",
  "wind": { "dir_deg": 240, "speed_ms": 17.4, "gust_ms": 26.1 },
  "sea_temp_c": 7.2,
  "pressure_hpa": [991.3, 990.8, 988.9],
  "precip": null,
  "flags": ["gale", "icing_possible"],
  "sensor_ok": true
}

From: facilities@northquay.example
To: all-staff
Subject: Lift B and the smell on level 4

Good morning all. Lift B will be out of service from 08:00 on Wednesday until Friday lunchtime while its guide rails are realigned. Please use Lift A or the stairwell by the bicycle store. Separately, several of you have asked about the smell on level 4. It has been traced to a lunchbox, not to the ventilation. Its owner has been spoken to and has asked us to pass on that the cheese was a gift.

Zoe has a drawer of socks: 10 grey, 6 navy and 4 striped. She pulls two in the dark without looking. What is the chance they match? There are C(20,2) = 190 equally likely pairs. Matching pairs: C(10,2) + C(6,2) + C(4,2) = 45 + 15 + 6 = 66. The probability is 66/190, or 33/95, a little over 34.7 percent. How many must she take to be certain of a match? Four, because with three colours the first three socks might all differ.

Nel cortile di via dei Cordai c'era un limone che fioriva due volte l'anno, e ogni volta la portinaia litigava con il maestro di violino. Lui sosteneva che il profumo gli scordava le corde; lei, che le corde non avevano bisogno d'aiuto. Quando il maestro si trasferì a Trieste, l'albero rimase senza fiori per tre primavere.

Coffee reached Europe through Ottoman ports in the seventeenth century and at once acquired a reputation for making people talk. London coffee houses charged a penny for admission and supplied newspapers, candlelight and argument. Particular rooms drew particular trades: ship owners and underwriters met at Edward Lloyd's, stock dealers in Exchange Alley. Authorities were nervous. Charles II tried to suppress the houses in 1675, and gave up within days when it became plain that the proclamation would be ignored. The drink itself, boiled with the grounds and sometimes thickened with mustard or eggshell, was by most accounts vile.

sam: are we still on for climbing tonight or did your wrist veto it
priya: wrist says yes, landlord says boiler man coming "between 5 and 9"
sam: ah the classic
priya: could do 9.30? they close at 11
sam: fine but no crimpy stuff, I've a wedding on saturday and need presentable fingers
priya: lol whose
sam: mine apparently?? kidding. cousin Bex. she's marrying the beekeeper
priya: the one who got stung at the engagement party
sam: forty-one times. true love

Saturn's rings are startlingly thin. They stretch some 280,000 kilometres from edge to edge, yet for the most part their thickness is measured in tens of metres, so a model built from a sheet of paper would need to be several kilometres wide to keep the proportions. They consist almost wholly of water ice, in pieces ranging from dust to boulders the size of houses. Small moons herd the particles, sweep lanes clean and raise ripples along the edges. How old the rings are remains contested: their brightness suggests youth, while their mass permits a much longer past.

Clara Nwosu-Brandt was born in 1911 above a chandler's shop in Accra, the fourth of seven children and the only one who took the clocks apart. At nine she repaired the harbour master's barometer; at sixteen she won a scholarship, lost it when the donor discovered that C. Nwosu was a girl, and won it again under a different committee. She trained as an instrument maker in Manchester, where she designed a tide gauge sturdy enough to survive being dropped from a pier, as several were. Her notebooks, which run to thirty-eight volumes, mix engineering drawings with recipes, grievances and the scores of imaginary cricket matches. She died in 1987, still owed eleven pounds by the Admiralty.

The word "deadline" has a grim ancestry. In prison camps of the American Civil War it named a boundary beyond which a prisoner could be shot by the guards. Printers later borrowed it for a line on the bed of the press past which type would not print properly, and newspapers, whose reporters worked within reach of the presses, seem to have extended the sense from space to time early in the twentieth century. Few borrowings have been domesticated so thoroughly: nobody now feels a rifle at their back when they ask for an extension.

const cache = new Map();

export async function fetchJson(url, { ttl = 30_000, retries = 2, signal } = {}) {
  const hit = cache.get(url);
  if (hit && Date.now() - hit.at < ttl) return hit.body;

  for (let attempt = 0; ; attempt++) {
    try {
      const res = await fetch(url, { signal, headers: { accept: "application/json" } });
      if (!res.ok) throw new Error(\`\${res.status} \${res.statusText}\`);
      const body = await res.json();
      cache.set(url, { at: Date.now(), body });
      return body;
    } catch (err) {
      if (err.name === "AbortError" || attempt >= retries) throw err;
      await new Promise((r) => setTimeout(r, 2 ** attempt * 250));
    }
  }
}

Rain fell on the allotments for nineteen days, and on the twentieth Mr. Pettigrew declared the marrow competition open. There were rules. No entrant might be fed with sugar water, propped with bricks, or photographed beside a small child for scale. Judging would be by weight, then by straightness, then, in the event of a tie, by the reported character of the gardener. It was this third clause that caused the trouble, since everyone knew that Dolores Finch had once let a goat into the chapel, and her marrow was enormous.

A antiga estação de trem virou biblioteca, mas os relógios continuaram marcando horários de partida. As crianças escolhem livros pelo destino: aventuras na plataforma um, poesia na dois, dinossauros na três. Dona Celeste, a bibliotecária, apita quando falta um quarto de hora para fechar, e ninguém perde o embarque.

Sourdough for the impatient: a starter is only flour and water in which wild yeasts and lactic bacteria have settled their differences. Stir together equal weights of wholemeal flour and lukewarm water in a jar, cover it loosely, and each day throw out half and replace what you discarded. For the first two days it may bubble furiously and smell of gym shoes. Then it seems to die. Do not bin it at this point; the early bacteria have simply been killed by the acidity, and the yeasts are gathering strength. By the eighth or ninth day it should double between feedings and smell like yoghurt and green apples.

QUARTERLY UPDATE TO SHAREHOLDERS. Revenue for the three months ended 30 September rose 6.3% to $418.7 million, driven by refrigerated freight and partly offset by weaker demand for dry containers. Operating margin narrowed by 90 basis points, reflecting higher fuel costs and a one-time charge of $4.1 million for the relocation of our Rotterdam workshop. Free cash flow was positive for the eleventh consecutive quarter. The board has declared an interim dividend of 12.5 cents per share, payable on 14 December to holders of record on 28 November. Management reiterates its full-year guidance, assuming no further deterioration in port congestion.

Bats find moths by shouting at them. A hunting bat emits pulses of ultrasound, as few as ten a second while it is searching, rising to a rattling two hundred in the instant before capture, and reads the echoes for distance, direction, size and even the flutter of wings. Moths have not been idle. Many possess simple ears tuned to those frequencies and will fold their wings and drop like stones when the pulses quicken. Some tiger moths answer with clicks of their own, which may startle the bat, jam its sonar, or advertise that the caller tastes revolting.

"Name?"
"Which one?"
The customs officer laid down her pen. "How many have you got?"
"Three on paper, one my mother uses, and one I'd rather you didn't write."
"I'll take the one in the passport."
"Then it's Evander Quill, but you should know it was misspelt at baptism."
She looked at the crate beside him, from which came a long, musical gurgle. "And what is the nature of the goods, Mr. Quill?"
"Nervous," he said, "chiefly nervous."

雨がやむと、祖母は縁側に古い地図を広げた。「ここに昔、橋があったの」と指さした場所には、今は何もない。川の名前も変わってしまったが、祖母は頑固に昔の名で呼び続け、郵便配達の人まで、いつの間にかそう呼ぶようになった。

How a suspension bridge carries its load

1. Traffic presses down on the deck.
2. Vertical hangers pass that weight up to the main cables.
3. The cables, which can only pull, carry it as tension over the tops of the towers.
4. The towers are squeezed and send the force straight down to bedrock.
5. At each end, massive anchorages hold the cables back, resisting the horizontal part of the tension.
6. Stiffening trusses or a slender box keep the deck from twisting in wind, a lesson learnt expensively at Tacoma Narrows in 1940.

User: Can you turn this into something polite? "Your invoice is wrong again and I'm sick of it."
Assistant: Here is one option: "Thank you for sending the invoice. I think there may be an error in the total, as the hours listed don't match our timesheet. Since something similar came up last month, could we arrange a short call to agree on how the figures are prepared?" It keeps the complaint and the pattern, but leaves them room to fix it.
User: A bit shorter, and firmer.
Assistant: "The total on this invoice doesn't match our timesheet, and the same thing happened last month. Please send a corrected version by Friday, and let me know what you'll change so that it doesn't recur."

Until the nineteenth century, almost every town kept its own time. Noon was when the sun stood highest, so Bristol's clocks ran about ten minutes behind London's, and nobody minded, because nothing travelled fast enough for it to matter. Railways made it matter. A timetable that mixes local times is a machine for producing collisions. British companies adopted London time during the 1840s, some station clocks acquiring a second minute hand to placate the locals, and in November 1883 the railroads of North America sorted the continent into zones without waiting for any legislature to approve. Governments mostly caught up later.

<section class="forecast" aria-labelledby="fc-title">
  <h2 id="fc-title">Tides at Skerry Point</h2>
  <ul>
    <li data-kind="high"><time datetime="04:52">4.52 am</time> &mdash; 3.9&nbsp;m</li>
    <li data-kind="low"><time datetime="11:07">11.07 am</time> &mdash; 0.8&nbsp;m</li>
  </ul>
  <a href="/charts/skerry.pdf" download>Download chart</a>
</section>

<style>
  .forecast { display: grid; gap: 0.75rem; padding: 1rem 1.5rem; border-left: 4px solid #1b6ca8; }
  .forecast li[data-kind="high"]::before { content: "▲ "; color: teal; }
  @media (max-width: 40em) { .forecast { border-left: 0; background: rgb(240 246 250 / 80%); } }
</style>

Nobody in the orchestra would say who had hidden the conductor's left shoe. The second violins were suspected, as second violins are. Maestro Abelard Szymański conducted the Haydn in one shoe and one sock, tapping the sock soundlessly, and the tempo of the slow movement was praised next morning in two newspapers as "newly weightless." By the end of the season he had dispensed with footwear altogether, and the oboist, to whom the shoe was finally traced, had been made principal.

Enzymes are proteins, with a few exceptions made of RNA, that speed up chemical reactions without being consumed. They do it by binding the reacting molecules in a pocket, straining particular bonds and stabilising the awkward halfway arrangement through which any reaction must pass. The acceleration can be immense: carbonic anhydrase converts as many as a million molecules of carbon dioxide each second. Heat them too far and they unravel, like the white of an egg; change the acidity and their charged side chains let go of one another. Many drugs, aspirin and the statins among them, work by clogging one pocket or another.

Minutes, Parish Hall Committee, 9 February. Present: Rev. Okonjo (chair), Mrs. Tattersall, G. Lindqvist, P. Rao. Apologies: Major Boothby (gout). The boiler quotation from Henshaw & Daughters was accepted at £6,240 plus VAT. The treasurer reported a balance of £11,309.16, of which £2,000 is restricted to the organ. It was agreed that the badminton club may store its nets in the vestry cupboard provided that the nativity camel is not again used as a coat stand. Date of next meeting: 15 March at 7.30 p.m.

The Atacama is often called the driest desert outside the poles. In parts of it, weather stations have gone years without registering measurable rain, chiefly because the place is hemmed in: the Andes block moisture from the east, while the cold Humboldt Current chills the air on the west and seals it under a temperature inversion. What little water arrives comes mainly as fog, the camanchaca, which villagers harvest on nets strung across the ridges. The clear, dry sky has made the plateau a city of telescopes, and its soils are so barren that engineers rehearse Mars missions there.

سأل الولدُ جدَّه لماذا يترك باب الدكان مفتوحًا بعد الغروب. ابتسم الجد وقال إن الزبون المتأخر هو أكثر الناس حاجة إلى كوب شاي. في تلك الليلة دخل مسافر غريب، فاشترى علبة كبريت واحدة، وبقي يحكي عن البحر حتى الفجر.

My grandmother believed that you could tell everything about a household from its string drawer. Ours was a disgrace. It held, besides string, a dead torch, four keys to nothing, a rosary, the instruction booklet for a machine we had never owned, and a single glove which she refused to discard because its partner might be feeling the same way. When she moved into the flat by the canal she took the drawer with her, not the chest, only the drawer, and carried it on her lap in the taxi as one might carry a sleeping cat.

Bach wrote for the instruments and the players he had, on a timetable that would flatten most composers. In Leipzig from 1723 he was expected to provide a cantata nearly every Sunday, which meant composing it, having the parts copied out, sometimes by his own children, rehearsing it with schoolboys and town musicians, and directing it, all within the week. He reused freely: a movement from a birthday serenade might return as a hymn of praise, since a trumpet in D major can flatter God as readily as a duke. What astonishes is how seldom haste shows. The counterpoint is no thinner at the end of the week than at the beginning.

import csv
import sys
from dataclasses import dataclass, field

@dataclass
class Ledger:
    balance: dict[str, float] = field(default_factory=dict)

    def post(self, debit: str, credit: str, amount: float) -> None:
        if amount <= 0:
            raise ValueError(f"amount must be positive, got {amount!r}")
        self.balance[debit] = self.balance.get(debit, 0.0) + amount
        self.balance[credit] = self.balance.get(credit, 0.0) - amount

if __name__ == "__main__":
    book = Ledger()
    for row in csv.DictReader(sys.stdin):
        book.post(row["to"], row["from"], float(row["amount"]))
    for account, total in sorted(book.balance.items(), key=lambda kv: -abs(kv[1])):
        print(f"{account:<24}{total:>12,.2f}")

A strike by tugboat crews entered its second week on Monday, leaving at least thirty vessels at anchor outside the breakwater and forcing a paper mill upriver to halt one of its two lines. Talks mediated by the regional labour office broke up shortly before midnight without a date for resumption. The union is asking for a limit of twelve hours on any single watch, citing the grounding in April that injured two deckhands; the towage company says that such a cap would require forty additional staff whom it cannot find. Grocers reported no shortages, though the price of bananas has crept up.

Things left in taxis in a single month, according to one dispatcher: a prosthetic foot; nineteen phones; a wedding cake, bottom tier only; a cello, reclaimed within the hour; an urn, reclaimed after eleven days; two parrots; a manuscript entitled "Final Final 3"; and somebody's uncle.

The kidneys filter the whole of the blood plasma dozens of times a day, and then change their minds about nearly all of it. Each contains around a million tiny units called nephrons. In the first part of each, pressure forces water, salts, sugar and waste through a sieve that holds back cells and proteins. Along the looping tubule that follows, the useful substances are hauled back into the blood, some by molecular pumps and some by osmosis, until of roughly 180 litres filtered only a litre or two remains to be passed as urine. Hormones adjust the last few percent according to whether you have been eating crisps or drinking tea.

"I don't see why the dragon has to be a metaphor," said Lucinda.
"It doesn't have to be. But then what is it doing in the second chapter?"
"Sleeping. Digesting. Dragons have lives."
The editor turned over a page. "On page sixty the heroine calls it 'my debt.'"
"Because she owes it money."
There was a pause, in which the radiator ticked. "Right," said the editor. "In that case I think we need to see the paperwork."

Petit guide du marché : arrivez tôt pour les abricots, tard pour les prix. Goûtez toujours l'olive avant de parler du fromage. Si le poissonnier vous recommande le merlan, demandez ce qu'il mangera lui-même ce soir ; s'il hésite, prenez des œufs.

Heat pumps puzzle people because they seem to give something for nothing. An electric fire turns one unit of electricity into one unit of heat, and cannot do better. A heat pump does not make warmth so much as move it. Inside a closed circuit, a refrigerant evaporates at a low temperature, absorbing energy from outdoor air or soil even in winter; a compressor then squeezes the vapour, raising its temperature, so that it condenses indoors and gives the energy up. Each unit of electricity spent on the compressor may deliver three or four units of heat. The catch is that efficiency falls as the gap between inside and outside widens, which is why the installers talk so much about insulation and large radiators.

Dear Uncle Barnaby, I am writing this on the train so please forgive the wobble. The interview went well, I think. They asked me to describe a time I had failed and I told them about the raft. One of them laughed so much that she had to take off her glasses, and the other wrote something down and underlined it. They will let me know by the twentieth. If I get it I shall have to find somewhere to live in Dundee, so could you ask your friend with the attic whether he still minds trombones? Love to the dogs. Your nephew, Crispin. P.S. I owe you for the shoes.

| Bird | Wingspan | Clutch | Call, roughly |
|:--|:-:|:-:|:--|
| Barn owl | 80–95 cm | 4–7 | a drawn-out hiss or shriek |
| Kingfisher | 24–26 cm | 5–7 | thin, sharp whistle |
| Lapwing | 82–87 cm | 4 | "pee-wit," wheezy and rising |
| Wren | 13–17 cm | 5–8 | astonishingly loud trill |

Property law distinguishes between an easement, which is a right to use another person's land for a particular purpose, and a licence, which is merely permission. The distinction may look academic until the land is sold. If a farmer lets his neighbour drive across the lower field out of friendliness, the permission is personal and generally ends when either of them leaves. If the right of way was granted by deed, or has been exercised openly and without permission for a sufficiently long time, it may attach to the land itself and bind every later owner. Buyers are therefore advised to walk the boundary and ask who has been walking it before them.

राधिका की दादी के पास एक पुरानी घड़ी थी जो दिन में दो बार सही समय बताती थी। दादी उसे ठीक नहीं करवाती थीं। वे कहतीं, "चार बजकर दस मिनट पर तुम्हारे दादाजी चाय माँगते थे।"

The first time Yusuf drove the night bus he forgot to breathe until the cathedral. After that it was easy. The passengers came in tides: nurses at ten, waiters at one, and in between them the lonely, who rode to the terminus and back for the sake of the heater. There was a woman who knitted something without ever appearing to lengthen it. There was a boy who played chess against himself on a board the size of a playing card and was regularly furious at the result. Around four, when the bakeries lit their windows, he would turn off the interior lamps for half a minute so that everybody could look at the snow.

How do you measure the age of a tree without felling it? Foresters use an increment borer, a hollow steel drill turned by hand, which draws out a core the thickness of a pencil. The wound is small and the tree seals it. Counting the rings gives years; comparing their widths gives more, because droughts and cold summers leave a pattern that repeats in every tree of the district. By overlapping the patterns of living trunks with those of old beams and bog oaks, researchers have built calendars that run unbroken through more than twelve thousand years, exact enough to date a doorpost to the winter in which its timber was cut.

User: Give me a quick plan for learning to touch-type. I have twenty minutes a day.
Assistant: Sure. Here's a six-week outline:
1. Weeks 1–2: home row and the row above. Accuracy only; cover your hands with a tea towel if you peek.
2. Week 3: bottom row and punctuation. Keep sessions to two blocks of ten minutes.
3. Week 4: capitals, using the opposite-hand Shift every time.
4. Weeks 5–6: copy real text, such as emails or song lyrics you enjoy, and log your words per minute on Sundays.
Expect to feel slower than your old method until around the third week. That dip is normal, and it's where most people quit.

En el altiplano, las llamas llevan lana de colores en las orejas para que cada familia reconozca a las suyas. Durante la ceremonia, que suele celebrarse en época de lluvias, se brinda con chicha y se le pide permiso a la tierra. Al día siguiente, los animales parecen invitados que se quedaron dormidos después de la fiesta.

Cricket, for those raised elsewhere: two teams of eleven take turns to bat. The batting side always has two players on the field, one at each end of a strip of turf twenty-two yards long, and scores mainly by running between the ends. The bowler tries to hit the wooden wicket; the batter tries to prevent this and, if possible, to send the ball somewhere inconvenient. Ten batters out and the innings is over. A match may last three hours or five days, with breaks for lunch and tea, and at the end of the five days it is entirely respectable for nobody to have won.

Stars do not burn in the chemist's sense. In the core of the Sun the temperature is around fifteen million degrees and the density more than ten times that of lead; under those conditions hydrogen nuclei occasionally come near enough to fuse, helped by a quantum loophole that lets them tunnel through their mutual repulsion. Four of them end up, by a chain of steps, as one nucleus of helium with slightly less mass than the ingredients. The missing mass departs as energy. Per cubic metre the Sun's core generates no more power than a compost heap, and it dazzles only because there is so very much of it.

$ git log --oneline --graph -6
* 9f3c1ad (HEAD -> parser) Reject nested quotes in headers
*   51be07e Merge branch 'fuzz'
|\\
| * c8820f4 Add corpus of 212 malformed inputs
* | 3aa91d6 Bump minimum compiler to 11.4
|/
* e47d0b2 Initial import

Salt was worth fighting over long before it was worth sprinkling. Without refrigeration it was the chief means of keeping meat and fish through the winter, and any ruler who controlled the pans or the mines could tax every kitchen in the country. France did so with the gabelle, whose rates varied so wildly from one province to the next that smuggling became a rural profession, practised even by trained dogs. Venice grew rich on salt before it grew rich on pepper. In 1930 Gandhi walked some 380 kilometres to the sea at Dandi to gather a handful of it, a small crime chosen because everyone, Hindu or Muslim, landlord or labourer, could understand what was being refused.

Assembly notes for the Fjellbo bookcase: Before you begin, check that bag C contains sixteen cam bolts, sixteen cams and one dowel more than you will need. Lay the two uprights on a carpet with the drilled faces upward. Screw in the bolts until the collar meets the veneer and no further. Fit the fixed shelf first, as it squares the frame; then slide the back panel into its groove from above, white side facing the room. Two people should raise the unit. Anchor it to the wall with the strap supplied, particularly if there are children, cats or ambitious toddlers in the house.

The hurricane's name was Dennis, which made it difficult to take seriously. People in Port Ellery boarded up their windows with a kind of embarrassment, as if for a visiting brother-in-law. By Thursday noon the sky had turned the yellow of an old bruise. At two the anemometer on the customs house stopped at a hundred and eighteen and did not move again, because it was in the harbour. Mrs. Abascal, who had lived through the storm of '61 and considered all later ones to be imitations, took her accordion down to the cellar and played until the batteries in the lamp gave out, and then she played in the dark.

Inflation is a rise in the general level of prices, which is to say a fall in what each unit of money will buy. Statisticians track it by pricing a basket of goods month after month, and most of the craft lies in deciding what belongs in the basket. Telephones improve, cinema tickets do not; people switch to chicken when beef becomes dear. A modest and predictable rate does little damage and lets relative wages adjust without anybody's pay packet being visibly cut. Rapid or erratic inflation is another matter: it punishes savers, rewards debtors, and makes long contracts a gamble. Central banks lean against it chiefly by raising the cost of borrowing.

type Handler<E> = (event: E) => void | Promise<void>;

export class Emitter<Events extends Record<string, unknown>> {
  #handlers = new Map<keyof Events, Set<Handler<never>>>();

  on<K extends keyof Events>(name: K, fn: Handler<Events[K]>): () => void {
    const set = this.#handlers.get(name) ?? new Set();
    set.add(fn as Handler<never>);
    this.#handlers.set(name, set);
    return () => void set.delete(fn as Handler<never>);
  }

  async emit<K extends keyof Events>(name: K, event: Events[K]): Promise<void> {
    for (const fn of [...(this.#handlers.get(name) ?? [])]) await (fn as Handler<Events[K]>)(event);
  }
}

Es war kein gutes Jahr für Äpfel. Der Frost im April hatte die Blüten verbrannt, und was übrig blieb, holten die Wespen. Trotzdem stellte Frau Leitgeb jeden Morgen einen Korb vor das Gartentor, mit einem Zettel: „Bitte nur nehmen, wer Kuchen backen kann." Am dritten Tag lag ein Stück Strudel darin, noch warm.

"Mum, is it true that you can see the Great Wall from the Moon?"
"No. It's long, but it's narrow, and it's about the same colour as everything round it. From the Moon you can hardly make out continents."
"So why does everybody say it?"
"Because it's the sort of thing that ought to be true. People were printing it decades before anyone had been up there to check."
"What can you see, then?"
"Clouds, mostly. A blue marble with the weather on."
"Huh." He considered this. "I'd still wave."

Penguins are confined almost entirely to the southern hemisphere, but they are not all creatures of the ice. Of some eighteen species only a handful breed on the Antarctic continent; others nest in burrows under New Zealand ferns, on desert beaches in Namibia or, in the case of the Galápagos penguin, a few steps from the equator. Their wings have stiffened into flippers, their bones are denser than those of flying birds, and their feathers, short and overlapping like tiles, trap a layer of air that is squeezed out as they dive. Emperor penguins have been tracked below five hundred metres, and can hold their breath for more than twenty minutes. On land the same body has all the grace of a dropped suitcase.

A note on tipping, since visitors ask: leave ten percent in a restaurant if you were served at the table and were not shouted at. Nothing is expected in bars, although "and one for yourself" is a courtesy that costs about the same. Taxi drivers round up. Hairdressers remember. Never tip a ferryman before the crossing, for he will take it to mean that you expect to swim.

Seventeen students share the cost of a minibus equally. When three drop out, each of the others must pay 4.50 more. What was the hire charge? Write c for the charge. Then c/14 − c/17 = 4.5. Putting the left side over a common denominator, (17c − 14c)/238 = 3c/238, so c = 4.5 × 238 / 3 = 357. Check: 357/17 = 21 and 357/14 = 25.50, a difference of 4.50 as required.

The theremin is played without being touched. Two antennas stand out from a wooden cabinet, a vertical rod for pitch and a horizontal loop for volume, and the performer's hands act as the moving plates of a pair of capacitors. Léon Theremin, a physicist working in Petrograd around 1920, noticed the effect while building a device to measure gases, and being also a cellist, he began to play it. There are no frets and no keys; to find a note one must remember a place in the air. Clara Rockmore, a violinist by training, showed that it could be done with a dignity that later film scores, in search of flying saucers, rather forgot.

TERMS OF HIRE (canoes and kayaks). 1. The Hirer shall inspect the craft, paddle and buoyancy aid on collection and report any defect forthwith. 2. No craft may be taken below the weir marked with red buoys. 3. Alcohol shall not be consumed on the water; persons appearing intoxicated will be refused without refund. 4. The deposit of €80 will be returned within three working days, less the reasonable cost of repairing damage beyond fair wear and tear. 5. The Company accepts no liability for spectacles, telephones or dignity lost overboard, save where such loss results from its own negligence.

На рынке в Самарканде дыни раскладывают так, будто готовят выставку. Продавец стучит по корке костяшками пальцев, прислушивается и качает головой: ещё день. Спорить бесполезно. Приезжий профессор однажды купил незрелую назло, а потом неделю ждал, пока она не согласится.

Reporter's notebook, day four at the world tug-of-war: the ground is so hard that the Basque coach has asked for it to be watered and been refused. The Swiss women, who have not lost an end since Pretoria, train by hanging a barrel of gravel from a tripod and holding it aloft while somebody reads the news. There is no jerking in a good team; eight bodies lean back until they lie almost parallel to the turf and wait there, breathing together, for the other side to have a thought. The judge's white flag fell at 11.26. Nobody cheered for quite a while, because no one had seen the rope move.

The earliest writing that we can read was bookkeeping. In the cities of southern Mesopotamia, late in the fourth millennium before our era, temple officials pressed signs into damp clay to record rations of barley, flocks of sheep and jars of beer. A picture of a head beside a bowl meant "to eat," or rather "to issue." Over centuries the pictures turned on their sides and dissolved into clusters of wedges, and scribes discovered that a sign for one word could stand for the sound of another. Only then did it become possible to set down a name, a prayer or a joke. Poetry, in other words, moved into a house built by accountants.

User: hey, quick one. what's the difference between TCP and UDP, explain like I run a café
Assistant: TCP is table service. The waiter repeats your order back, brings the courses in sequence, and if a plate gets dropped, fetches another. It's dependable, with a bit of ceremony. UDP is shouting "flat white!" across the room: instant, no confirmation, and if nobody hears you, that coffee simply doesn't happen. Web pages, email and file downloads use table service because a missing piece ruins the meal. Live calls and games often shout, since an order that arrives late is worse than one that never comes.
User: ok that's annoyingly good. and what's a port?
Assistant: The address gets you to the building; the port is which counter you walk up to. Cakes at one, takeaway at another, complaints at the one with the long queue.

Lo zio Ferruccio collezionava serrature senza chiavi. Ne aveva centoquaranta, appese in corridoio come trofei di caccia: ferro battuto, ottone, perfino una di legno venuta dall'Egitto. A chi gli domandava il perché, rispondeva che chiunque sa aprire una porta; il difficile è immaginare la stanza.

In the laboratory Benedikta kept the yeast at thirty degrees and herself at about seventeen, in fingerless gloves. Every morning she streaked the colonies onto fresh plates, and each evening she counted. White colonies meant that the gene was working, and red ones that it was not; the difference could be seen from the doorway. For five months they had been white. On the morning of her thirty-first birthday she slid open the incubator and found, on plate forty-four, a single speck the colour of a postbox. She did not call anybody. She made tea, sat down facing it, and they regarded each other.

Erosion is patient but not uniform. A river carves most of its valley in the few days each decade when it floods, rolling boulders that it could not budge at other times; the remaining thousands of days it spends tidying up. Glaciers work differently, plucking blocks from the bedrock and grinding them along the floor, so that a valley once shaped like a V is left shaped like a U, with its tributaries hanging high on either wall as waterfalls. Wind does less than the romances of the desert suppose. Its sand seldom rises much above knee height, which is why so many desert rocks are undercut like mushrooms.

CREATE TABLE loans (
  loan_id     INTEGER PRIMARY KEY,
  member_id   INTEGER NOT NULL REFERENCES members (member_id) ON DELETE RESTRICT,
  isbn        CHAR(13) NOT NULL,
  borrowed_on DATE NOT NULL DEFAULT CURRENT_DATE,
  returned_on DATE CHECK (returned_on IS NULL OR returned_on >= borrowed_on)
);

WITH overdue AS (
  SELECT member_id, CURRENT_DATE - borrowed_on - 21 AS days_late
  FROM loans WHERE returned_on IS NULL AND borrowed_on < CURRENT_DATE - 21
)
UPDATE members AS m SET fine_cents = fine_cents + o.total * 15
FROM (SELECT member_id, SUM(days_late) AS total FROM overdue GROUP BY member_id) AS o
WHERE o.member_id = m.member_id;

To whom it may concern: I have known Gwendolyn Achterberg for six years, four of them as her supervisor in the map room, and I recommend her without the usual hedges. She is accurate, unflappable and funny. When the sprinklers discharged over the eighteenth-century charts, it was she who thought of the fish-and-chip shop across the road and its walk-in freezer, where two hundred sheets spent the weekend beside the haddock and were saved. She will tell you when you are mistaken, and she will have brought the reference. Whoever appoints her should expect to be better organised within a month and slightly afraid within two.

Grandmaster games are seldom decided by brilliance alone. In the ninth round at Oostvaart, Nadezhda Kirilova gave up a bishop for two pawns and what the commentators politely called "play." Her opponent, nineteen years old and leading the tournament by half a point, thought for forty-one minutes and castled straight into the attack. He had seen the knight check; he had not seen that his own rook would block the escape. "I was calculating like a machine," he said afterwards, rather pale, "and she was just waiting for me to be tired."

Quando o circo foi embora, deixou para trás um elefante de papelão, três cadeiras e o mágico, que se apaixonara pela farmacêutica. Ele passou a embrulhar os remédios em lenços coloridos. A freguesia dobrou, embora alguns clientes jurassem que as aspirinas sumiam do bolso antes de chegar em casa.

What makes paint stick to a wall? Paint is a suspension of coloured powder in a liquid together with a binder, and it is the binder that does the holding. In emulsion paints, tiny spheres of acrylic drift about in water; as the water evaporates they are drawn together until they deform, touch and fuse into a continuous film. Oil paints do not dry in this sense at all. Linseed oil reacts with oxygen and its molecules link up into a tough network, a process that continues for months after the surface feels firm. Either way the film grips mechanically, by flowing into pores and scratches, which explains why sanding and cleaning matter more than the price of the brush.

Packing list, winter hut, three nights: sleeping bag (comfort rating −10 or lower); two pairs of wool socks per person, plus one nobody is allowed to touch; head torch and spare cells; avalanche transceiver, probe, shovel; map in a plastic sleeve, since phones sulk in the cold; matches in a film canister; oats, powdered milk, salami, dried apricots, one unreasonable bar of chocolate; needle and dental floss for repairs; a paperback that can be torn into thirds and shared.

Dr. Ferreira had delivered four hundred and twelve babies and two calves, and she maintained that the calves had been better mannered. Her surgery stood at the head of a staircase that patients over seventy were obliged to climb in stages, resting on chairs which she had placed at the landings and which, she claimed, told her more than any stethoscope. Those who stopped at the first chair were sent for an X-ray. Those who stopped at the second were asked about their sons. Anyone who came up without sitting was told there was nothing the matter with them and given a peppermint.

L'horloger de Besançon prétendait que le temps n'existe pas le mardi. Ce jour-là, il arrêtait toutes les pendules de la boutique, s'asseyait près du poêle et écoutait. Un apprenti lui demanda ce qu'on entendait. « Les clients qui réfléchissent », répondit-il en baissant la voix.

use std::collections::HashMap;

/// Groups words that are anagrams of one another, largest group first.
pub fn anagrams<'a>(words: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut groups: HashMap<Vec<u8>, Vec<&'a str>> = HashMap::new();
    for &w in words {
        let mut sig = w.to_ascii_lowercase().into_bytes();
        sig.sort_unstable();
        groups.entry(sig).or_default().push(w);
    }
    let mut out: Vec<_> = groups.into_values().filter(|g| g.len() > 1).collect();
    out.sort_by_key(|g| std::cmp::Reverse(g.len()));
    out
}

The Antarctic Treaty, which was signed in Washington in 1959 by twelve nations and took force in 1961, does something unusual: it neither accepts nor denies the territorial claims that seven of them had made, but sets the whole quarrel aside so that science may proceed. Military manoeuvres are forbidden, as are nuclear explosions and the dumping of radioactive waste. Any party may inspect any other's station at any time. A later protocol, agreed in Madrid in 1991, bans mining and obliges visitors to carry home nearly everything they bring, which is why sledge dogs have been absent from the continent since 1994.

ravi_k: does anyone know why my tomato leaves are curling UP not down
mossypatch: upward curl is usually heat or dry wind, plant's trying to lose less water. any spots?
ravi_k: no spots. 34° here all week
mossypatch: then it's just sulking. mulch, deep water in the mornings, don't prune for now
old_dibber: Agree with Moss. If new growth comes in twisted & narrow like ferns, that's weedkiller drift, different story
ravi_k: ohhh the neighbour DID spray his drive on sunday
old_dibber: There you are then. Photo please, and keep the receipt for the neighbour

Gravity is by a wide margin the feeblest of the known forces. A fridge magnet the size of a coin holds itself up against the pull of the entire planet. Yet gravity rules the heavens, because it is always attractive and cannot be screened, whereas electric charges come in two kinds that cancel over any large distance. Newton described it as a force acting between masses; Einstein, in 1915, as a consequence of geometry, in which matter bends space and time and freely falling bodies follow the straightest routes available. The two pictures agree to great precision in everyday life. The satellites that guide your phone, however, must use the second, or drift by kilometres every day.

图书馆闭馆前十分钟，管理员会放一段很轻的钢琴曲。大多数读者听到就收拾书包，只有角落里那个写论文的女孩把头埋得更低。有一次曲子放完了，她才抬头问：“能不能再放一遍？我还差一个结论。”

Frequently misfiled facts about colour:
- Flamingos hatch grey and owe their pink to pigments in algae and brine shrimp.
- The blue of a morpho butterfly contains no blue pigment; it comes from stacked ridges that reflect one band of wavelengths and cancel the others.
- Carrots were commonly purple or yellow until growers in the Low Countries favoured the orange kind.
- A polar bear's fur is colourless and its skin is black.
- Mantis shrimps have a dozen or more types of colour receptor but are worse than we are at telling similar shades apart.

The auctioneer had a cold, and so Lot 73 went for a third of its value, every bid above nine hundred having been mistaken for a sneeze. It was a walnut writing slope with a secret compartment, which the catalogue described as empty. Leopold Ashdown carried it home on the tram, set it on the bed and pressed each of the little brass stars in turn. The seventh gave. Inside lay a tooth, a train ticket to Odessa, unused, and a slip of paper on which somebody had written, in violet ink and evident haste, the correct way to pronounce her name.

Trade unions, cooperatives and friendly societies grew from a common root: working people in the early industrial towns had no cushion, and a broken leg could finish a family. By paying a few pence a week into a shared box they could bury their dead decently, tide over the sick and, in time, bargain. In 1844 a group of weavers and other tradesmen in Rochdale opened a shop with a stock of butter, sugar, flour, oatmeal and a few candles. Their innovations were to sell unadulterated goods at market prices for cash, to give every member one vote regardless of holding, and to return the surplus in proportion to purchases. The pattern spread to banking, dairying, housing and insurance on every inhabited continent.

User: I need to tell my manager I'm resigning, but I like her and I feel guilty. What do I actually say?
Assistant: Keep it short and tell her in person before you put anything in writing. You might begin, "I wanted you to hear this from me first: I've accepted another job, and my last day would be the 18th." Then stop, and let her react. If she asks why, give one honest reason about where you're heading instead of a list of what was wrong. Thank her for something specific, perhaps the project she trusted you with. Guilt tends to make people over-promise, so decide beforehand what handover you can realistically offer, and don't negotiate against yourself in the room.

駅前の古本屋では、猫が値段を決める。客が本を棚から抜くと、店主は猫の顔を見る。あくびなら百円、しっぽを振れば三百円。先週、私が選んだ詩集を見て猫は目を閉じ、店主は「それは差し上げます」と言った。

Earthquakes begin when rock that has been bent for centuries slips in a matter of seconds. Two kinds of wave travel outward through the ground. The primary wave, a push and pull like a shove passed along a queue, moves fastest and does little harm; the secondary wave shakes from side to side and arrives later. The interval between them tells a seismologist how far off the rupture was, and three such distances fix its place on the map. It also offers a sliver of warning. In Japan and Mexico, sensors near the fault trigger alarms that outrun the damaging waves, granting distant cities enough time to halt trains, open the doors of fire stations and stop the surgeon's hand.

My objection to the open-plan office is not the noise, which one can grow used to, as one does to the sea. It is the loss of the threshold. A door, even one left ajar, asks a small question of whoever approaches: is this worth a knock? Take away the door and the question is asked a hundred times a day of the person at the desk instead, who must decide, with every footstep, whether to look up. Architects speak of collaboration and of happy collisions by the coffee machine. I have noticed that they generally speak of these things from behind glass.

A jar holds 3 litres of cordial that is 40% syrup. How much water must be added to bring it to 25%? The syrup amounts to 1.2 litres and does not change. A mixture in which 1.2 litres is a quarter of the whole has a volume of 4.8 litres, so 1.8 litres of water is needed. If, after that, a thirsty child drinks 600 ml and tops up the jar with water, the syrup remaining is 1.2 × 4.2/4.8 = 1.05 litres, or just under 22 percent.

बरसात के पहले दिन मोहल्ले के बच्चों ने काग़ज़ की नावों की दौड़ रखी। सबसे तेज़ नाव अख़बार के खेल वाले पन्ने से बनी थी, पर वह नाली में फँस गई और जीत एक पुराने बिल की हुई।

The clarinet is closed at one end by the player's mouth and behaves accordingly. A pipe of that kind favours the odd members of the harmonic series, giving the low register its hollow, woody colour, and when overblown it leaps not an octave, as a flute or an oboe does, but a twelfth. The fingering of the upper notes therefore has nothing to do with that of the lower, and between the two lies a stretch of pale, unreliable tones called the throat. Mozart, who heard Anton Stadler play, exploited every one of these defects. Jazz players later discovered another virtue in the instrument: pressed hard enough, it can be heard over a trombone.

La faróloga, como la llamaban en el pueblo, subía ciento doce escalones cada noche con un termo y una novela policíaca. Decía que los barcos eran lectores impacientes: querían saber enseguida dónde estaba el peligro. Ella, en cambio, nunca miraba la última página.

Incident summary. At 02:14 UTC the payment queue began to reject messages after a certificate used by the broker expired. Monitoring fired within a minute, but the alert was routed to a rota that had been retired in the spring, so nobody was paged until a customer telephoned at 03:02. The on-call engineer renewed the certificate by hand and restarted the consumers; the backlog of 8,417 transactions had cleared by 04:20, with no duplicates. Contributing causes: expiry dates were recorded in a spreadsheet, and the test environment had verification switched off. Actions: automate renewal, delete the old rota, and rehearse a regional failover before the autumn sale.

She taught us to swim in the quarry, one summer, by the unorthodox method of refusing to get wet. From a deckchair on the ledge, beneath an enormous hat, Great-Aunt Rosalind issued instructions through a megaphone salvaged from a rowing club. "Elbows, Theodore! You are a frog, not a windmill!" None of us drowned. It emerged at her funeral, where four generations shuffled past the lilies, that she herself had never learnt, and had been terrified the entire time.

Cheese begins with a kind of controlled misfortune. Milk is warmed and soured by bacteria, then clotted with rennet, an enzyme taken traditionally from a calf's fourth stomach and nowadays mostly produced by fungi or yeasts. The curd is cut: coarsely for a soft cheese that is to keep its moisture, finely for one meant to last. What happens next accounts for nearly everything on the counter. Stretch the hot curd and you are on the way to mozzarella; scald and press it, towards Gruyère; mill and stack it in slabs, towards Cheddar. Salt slows the bacteria, rinds shelter moulds, and time dismantles fats and proteins into hundreds of aromatic fragments, some of them shared with feet.

Voters in the island district of Sandrey return to the polls next Sunday after a recount ended with the two leading candidates level on 2,906 ballots each. Under the local charter the tie could have been settled by drawing straws, a method last used in 1934, but both campaigns asked for a second vote. The returning officer, Malcolm Iversen, said extra boats had been chartered so that residents of the outer skerries could reach a polling station and be home before the tide. Forecasters expect fog.

The Silk Road was neither a road nor chiefly about silk. It was a shifting web of caravan tracks, mountain passes and sea lanes along which goods usually travelled in short stages, changing hands at one oasis after another, so that hardly anyone went the whole distance. Horses, glass, jade, rhubarb, paper and melons moved along it, as did the plague. Ideas proved the lightest cargo. Buddhism walked from India to China in the baggage of merchants and monks, acquiring on its way a sculptural style that owed something to Greece, while the technique of papermaking went west and, within a few centuries, had altered every chancery from Baghdad to Toledo.

To descale a kettle, fill it halfway with equal parts of water and white vinegar, bring it to the boil, switch off and walk away for half an hour. Pour out the cloudy liquid along with whatever flakes have let go, then boil two changes of fresh water to chase off the smell. Citric acid works just as well, at about a tablespoon per litre, and does not make the house reek of chip shops. If your supply is very hard, once a month is about right.

When the choir had gone home, Father Ambrose turned off all the lights but one and sat down at the organ, which he could not play. He held a single low pedal note. It was less a sound than a condition of the building: the candlesticks hummed, dust sifted from the rafters, and somewhere near the font a loose pane took up a quiet, contented buzzing, like an insect that has at last found the right window.
`;
