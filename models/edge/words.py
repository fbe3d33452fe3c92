"""Word tables for the generator in `corpus.py`. All of it was written for this project."""


def table(text):
    """Reads `key = value` lines into a dict."""
    pairs = (line.split("=", 1) for line in text.strip().splitlines())
    return {key.strip(): value.strip() for key, value in pairs}


def listing(text):
    """Reads a list whose items are set apart by ` / ` or line ends."""
    return [item.strip() for line in text.strip().splitlines() for item in line.split(" / ")]


FIRST_NAMES = """
Ada Adam Ahmed Aisha Alan Alice Amara Amir Ana Andre Anita Anna Anton Arjun Asha Ben Beatriz Bruno Carla Carlos Chen Chloe
Clara Daniel Dana David Diego Dmitri Elena Elias Ella Emma Eric Erik Esther Eva Fatima Felix Fiona Frank Gabriel George Grace
Hana Hannah Hassan Helen Henry Hugo Ian Ibrahim Ines Ingrid Isaac Ivan Jack Jakub James Jane Javier Jin John Jonas Jorge Julia
Karim Kate Kenji Kofi Laila Lars Laura Leo Lena Li Liam Lina Linda Lucas Lucy Luis Maja Marco Maria Mark Marta Martin Mary Max
Maya Mei Michael Mia Mina Miriam Mohamed Nadia Naomi Nikhil Nina Noah Nora Olga Oliver Omar Oscar Paolo Paul Pavel Pedro Peter
Petra Priya Rachel Raj Rania Rita Robert Rosa Ruth Sam Samir Sara Sasha Sofia Stefan Susan Tara Thomas Tim Tom Uma Vera Victor
Viktor Wei Will Yara Yasmin Yuki Yusuf Zara Zoe
""".split()

LAST_NAMES = """
Adams Ahmed Almeida Andersen Baker Becker Bianchi Brown Campos Carter Chen Clark Costa Davies Diaz Dubois Eriksen Evans Farouk
Fischer Garcia Gomez Green Gupta Hall Hansen Harris Hill Hoffman Ito Jackson Jansen Jones Kaya Keller Khan Kim King Kowalski
Kumar Larsen Lee Lewis Lopez Martin Meyer Miller Moreau Moore Murphy Nakamura Nguyen Novak Okafor Olsen Park Patel Petrov
Popescu Reed Ricci Rivera Rossi Roy Santos Schmidt Silva Singh Smith Sato Tanaka Taylor Torres Turner Walker Weber White Wilson
Wong Wright Yilmaz Young Zhang
""".split()

CAPITALS = table("""
France = Paris
Germany = Berlin
Italy = Rome
Spain = Madrid
Portugal = Lisbon
the United Kingdom = London
England = London
Scotland = Edinburgh
Wales = Cardiff
Ireland = Dublin
the Netherlands = Amsterdam
Belgium = Brussels
Luxembourg = Luxembourg
Switzerland = Bern
Austria = Vienna
Poland = Warsaw
the Czech Republic = Prague
Slovakia = Bratislava
Hungary = Budapest
Romania = Bucharest
Bulgaria = Sofia
Greece = Athens
Turkey = Ankara
Croatia = Zagreb
Serbia = Belgrade
Slovenia = Ljubljana
Denmark = Copenhagen
Sweden = Stockholm
Norway = Oslo
Finland = Helsinki
Iceland = Reykjavik
Estonia = Tallinn
Latvia = Riga
Lithuania = Vilnius
Ukraine = Kyiv
Russia = Moscow
the United States = Washington, D.C.
the USA = Washington, D.C.
Canada = Ottawa
Mexico = Mexico City
Cuba = Havana
Brazil = Brasilia
Argentina = Buenos Aires
Chile = Santiago
Peru = Lima
Colombia = Bogota
Ecuador = Quito
Venezuela = Caracas
Uruguay = Montevideo
Egypt = Cairo
Morocco = Rabat
Tunisia = Tunis
Kenya = Nairobi
Ethiopia = Addis Ababa
Nigeria = Abuja
Ghana = Accra
Senegal = Dakar
Saudi Arabia = Riyadh
Iran = Tehran
Iraq = Baghdad
Qatar = Doha
India = New Delhi
Pakistan = Islamabad
Nepal = Kathmandu
China = Beijing
Japan = Tokyo
South Korea = Seoul
Thailand = Bangkok
Vietnam = Hanoi
Indonesia = Jakarta
Malaysia = Kuala Lumpur
the Philippines = Manila
Singapore = Singapore
Australia = Canberra
New Zealand = Wellington
""")

UNKNOWN_PLACES = listing("""
Chad / Mali / Niger / Oman / Bhutan / Laos / Gabon / Togo / Benin / Malawi / Zambia / Rwanda / Burundi / Eritrea / Fiji / Samoa
Tonga / Vanuatu / Belize / Honduras / Guyana / Suriname / Kiribati / Palau / Nauru / Lesotho / Eswatini / Moldova / Andorra
Vermont / Nevada / Bavaria / Tuscany / Ontario / Queensland / Kerala / Ohio / Alaska / Maine / Utah / Oregon / Idaho / Sicily
""")

CITIES = listing("""
Paris / Berlin / Rome / Madrid / Lisbon / London / Dublin / Vienna / Warsaw / Prague / Athens / Oslo / Stockholm / Helsinki
Copenhagen / Cairo / Nairobi / Tokyo / Osaka / Seoul / Lima / Quito / Boston / Chicago / Denver / Seattle / Austin / Dallas
Toronto / Montreal / Sydney / Perth / Mumbai / Delhi / Hamburg / Munich / Zurich / Geneva / Lyon / Porto / Turin / Naples
Krakow / Leeds / Bristol / Glasgow / Bergen / Malmo / Ghent / Basel / Graz / Split / Varna / Izmir / Haifa / Pune / Kyoto
""")

# Questions with one plain answer: several phrasings apart by `|`, then the answer.
FACTS = table("""
How many days are in a week?|How many days does a week have? = A week has seven days.
How many months are in a year?|How many months does a year have? = A year has twelve months.
How many days are in a year?|How many days does a year have? = A year has 365 days, and a leap year has 366.
How many hours are in a day?|How many hours does a day have? = A day has 24 hours.
How many minutes are in an hour?|How many minutes does an hour have? = An hour has 60 minutes.
How many seconds are in a minute?|How many seconds does a minute have? = A minute has 60 seconds.
What color is the sky?|What colour is the sky?|Which color does the sky have? = On a clear day the sky is blue.
Why is the sky blue?|Why does the sky look blue? = The sky looks blue because air scatters blue light more than red light.
What color is grass?|What colour is grass? = Grass is usually green.
What color is snow?|What colour is snow? = Snow is white.
What color is a banana?|What colour is a banana? = A ripe banana is yellow.
What color is blood?|What colour is blood? = Blood is red.
How many legs does a spider have?|How many legs has a spider? = A spider has eight legs.
How many legs does a dog have?|How many legs has a dog? = A dog has four legs.
How many legs does an insect have?|How many legs do insects have? = An insect has six legs.
What is the largest planet?|Which planet is the biggest?|What is the biggest planet in the solar system? = Jupiter is the largest planet in the solar system.
What is the smallest planet?|Which planet is the smallest? = Mercury is the smallest planet in the solar system.
Which planet is closest to the sun?|What planet is nearest to the sun? = Mercury is the planet closest to the sun.
How many planets are there?|How many planets are in the solar system? = There are eight planets in the solar system.
Which planet is known as the red planet?|What is the red planet? = Mars is known as the red planet.
What is the largest ocean?|Which ocean is the biggest? = The Pacific Ocean is the largest ocean.
What is the tallest mountain?|What is the highest mountain in the world?|Which mountain is the tallest? = Mount Everest is the highest mountain in the world.
What is the longest river?|Which river is the longest in the world? = The Nile is usually called the longest river in the world.
What is the largest country?|Which country is the biggest in the world? = Russia is the largest country by area.
What is the largest animal?|Which animal is the biggest?|What is the biggest animal in the world? = The blue whale is the largest animal.
What is the fastest animal?|What is the fastest land animal?|Which animal is the fastest? = The cheetah is the fastest land animal.
What is the tallest animal?|Which animal is the tallest? = The giraffe is the tallest animal.
How many continents are there?|How many continents does the world have? = There are seven continents.
How many letters are in the alphabet?|How many letters does the English alphabet have? = The English alphabet has 26 letters.
What is the chemical symbol for water?|What is the formula of water?|What is water made of? = Water is H2O: two hydrogen atoms and one oxygen atom.
What is the chemical symbol for gold?|What is the symbol of gold? = The chemical symbol for gold is Au.
What is the chemical symbol for iron?|What is the symbol of iron? = The chemical symbol for iron is Fe.
At what temperature does water boil?|What is the boiling point of water?|When does water boil? = At sea level water boils at 100 degrees Celsius.
At what temperature does water freeze?|What is the freezing point of water?|When does water freeze? = Water freezes at 0 degrees Celsius.
How fast is light?|What is the speed of light? = Light travels at about 300,000 kilometers per second.
Who wrote Romeo and Juliet?|Who is the author of Romeo and Juliet?|Who wrote Hamlet? = William Shakespeare wrote it.
Who painted the Mona Lisa?|Which painter made the Mona Lisa? = Leonardo da Vinci painted the Mona Lisa.
Who discovered gravity?|Who described the law of gravity? = Isaac Newton described the law of gravity.
Who was Albert Einstein?|Who is Einstein?|Tell me about Albert Einstein. = Albert Einstein was a physicist known for the theory of relativity.
Who was Ada Lovelace?|Tell me about Ada Lovelace. = Ada Lovelace wrote what is often called the first computer program.
Who was Alan Turing?|Tell me about Alan Turing.|Who is Alan Turing? = Alan Turing was a mathematician and a founder of computer science.
Who was the first person on the moon?|Who walked on the moon first? = Neil Armstrong was the first person on the moon.
When was the first moon landing?|In which year did people land on the moon? = People first landed on the moon in 1969.
When did World War II end?|When did the Second World War end? = The Second World War ended in 1945.
What is the currency of Japan?|Which currency does Japan use? = The currency of Japan is the yen.
What is the currency of the United Kingdom?|Which currency does the UK use? = The currency of the United Kingdom is the pound.
What is the currency of the United States?|Which currency does the US use? = The currency of the United States is the dollar.
What is the currency of Germany?|What is the currency of France?|Which currency does Italy use? = It uses the euro.
What language do they speak in Brazil?|Which language is spoken in Brazil? = People in Brazil speak Portuguese.
What language do they speak in Austria?|Which language is spoken in Austria? = People in Austria speak German.
What language do they speak in Mexico?|Which language is spoken in Mexico? = People in Mexico speak Spanish.
What do bees make?|What do bees produce? = Bees make honey.
What do cows drink?|What do cows eat? = Cows drink water and eat grass.
What do plants need to grow?|What does a plant need? = Plants need light, water and air to grow.
How many sides does a triangle have?|How many sides has a triangle? = A triangle has three sides.
How many sides does a square have?|How many sides has a square? = A square has four sides.
How many sides does a hexagon have?|How many sides has a hexagon? = A hexagon has six sides.
What is pi?|What is the value of pi? = Pi is the ratio of a circle's circumference to its diameter, about 3.14159.
What is the opposite of up?|What is the opposite word for up? = The opposite of up is down.
What comes after Monday?|Which day comes after Monday? = Tuesday comes after Monday.
What comes after Friday?|Which day comes after Friday? = Saturday comes after Friday.
What is the first month of the year?|Which month is the first? = January is the first month of the year.
What is the last month of the year?|Which month is the last? = December is the last month of the year.
What are the primary colors?|Name the primary colours. = The primary colors are red, yellow and blue.
What are the four seasons?|Name the seasons. = The four seasons are spring, summer, autumn and winter.
List the days of the week.|What are the days of the week?|Name the days of the week. = Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.
List the months of the year.|What are the months?|Name the months of the year. = January, February, March, April, May, June, July, August, September, October, November and December.
List the planets.|What are the planets?|Name the planets of the solar system. = Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.
Recite the alphabet.|Say the alphabet.|What is the alphabet? = A B C D E F G H I J K L M N O P Q R S T U V W X Y Z
Why do we sleep?|Why do people sleep? = Sleep gives the body and the brain time to rest and recover.
Why does it rain?|Where does rain come from? = It rains when water drops in clouds grow too heavy and fall.
Why do leaves fall in autumn?|Why do trees lose their leaves? = Trees drop their leaves in autumn to save water and energy.
How do I boil an egg?|How long do I boil an egg? = Put the egg in boiling water for about seven to ten minutes, then cool it in cold water.
How do I make tea?|How do you make a cup of tea? = Boil some water, pour it over the tea, wait about three minutes and take the tea out.
How do I make coffee?|How do you make coffee? = Grind the beans, pour hot water over them through a filter and let it drip.
What is the meaning of life?|What's the meaning of life? = People have asked that for ages. Many find meaning in love, work and curiosity.
Is the earth flat?|Is the world flat? = No, the Earth is round, nearly a sphere.
Which came first, the chicken or the egg?|What came first, chicken or egg? = The egg: animals laid eggs long before there were chickens.
""")

DEFINITIONS = table("""
API|an application programming interface = An API is a set of rules that lets one program use the functions or data of another program.
database|a db = A database is an organized store of data that programs can search and change.
server = A server is a computer or program that answers requests from other programs.
client = A client is a program that sends requests to a server and uses the answers.
browser|a web browser = A browser is a program that loads web pages and shows them to you.
gateway|an API gateway = A gateway is a single entry point that receives requests and passes each one to the right service.
load balancer = A load balancer spreads requests over several servers so that none has too much work.
proxy|a proxy server = A proxy is a server that passes requests on to another server for you.
cache = A cache is a small, fast store that keeps recent results so they need not be computed again.
CPU|a processor = A CPU is the part of a computer that carries out the instructions of programs.
GPU|a graphics processor = A GPU is a chip that does many simple calculations at once, used for graphics and machine learning.
RAM|memory in a computer = RAM is the fast memory in which a computer keeps the data it is working on.
compiler = A compiler is a program that turns source code into instructions a computer can run.
variable|a variable in programming = A variable is a name for a value that a program can read and change.
function|a function in programming = A function is a named piece of code that takes inputs and gives back a result.
loop|a for loop = A loop is code that repeats a set of steps until a condition is met.
algorithm = An algorithm is a list of clear steps that solves a problem.
bug|a software bug = A bug is a mistake in a program that makes it behave wrongly.
operating system|an OS = An operating system is the software that runs a computer's hardware and its programs.
programming language = A programming language is a set of words and rules for writing programs.
Python|the Python language = Python is a popular programming language known for being easy to read.
Rust|the Rust language = Rust is a programming language made for speed and memory safety.
JavaScript = JavaScript is the programming language that runs in web browsers.
SQL = SQL is a language for asking questions of a database and changing its data.
JSON = JSON is a simple text format for data made of names and values.
HTML = HTML is the language that describes the structure of web pages.
HTTP = HTTP is the protocol that browsers and servers use to exchange web pages and data.
URL|a web address = A URL is the address of a page or a file on the web.
DNS = DNS is the system that turns names of websites into numeric addresses.
IP address = An IP address is the number that identifies a device on a network.
firewall = A firewall is a system that blocks unwanted traffic on a network.
encryption = Encryption turns data into a secret form that only someone with the key can read.
password = A password is a secret word that proves who you are to a system.
open source|open-source software = Open source means that the source code is public and anyone may use and improve it.
Linux = Linux is a free operating system used on servers, phones and computers.
Docker|a container = Docker packs a program with all it needs into a container that runs the same everywhere.
Kubernetes = Kubernetes is a system that runs and scales containers on many machines.
cloud|cloud computing|the cloud = The cloud means computers in a data center that you rent and use over the internet.
data center = A data center is a building full of servers with power, cooling and network.
internet|the internet = The internet is the worldwide network that connects computers.
machine learning|ML = Machine learning is a way for computers to learn patterns from data instead of fixed rules.
artificial intelligence|AI = Artificial intelligence is software that does tasks that seem to need human thinking.
neural network = A neural network is a model made of many simple connected units that learns from examples.
language model|an LLM|a large language model = A language model is a program that predicts the next word and can so write text.
token|a token in a language model = A token is a piece of text, such as a word or part of one, that a language model reads.
prompt = A prompt is the text you give to a language model to ask for an answer.
context window|a context length = The context window is how much text a language model can look at at once.
latency = Latency is the time between a request and the start of its answer.
throughput = Throughput is how much work a system finishes in a given time.
quantization = Quantization stores a model's weights with fewer bits so that it is smaller and faster.
router|a router in a network = A router is a device that sends data along the right path between networks.
rate limit|rate limiting = A rate limit is a cap on how many requests someone may send in a given time.
backup|a data backup = A backup is a copy of data kept in case the first one is lost.
spam|spam mail = Spam is unwanted mail sent to many people, often to sell or to trick.
phishing = Phishing is a trick in which a false message tries to steal your password or money.
dew point|the dew point = The dew point is the temperature at which the water vapor in the air turns to dew or cloud.
haiku = A haiku is a short Japanese poem with three lines of five, seven and five syllables.
photosynthesis = Photosynthesis is how plants turn light, water and carbon dioxide into sugar and oxygen.
gravity = Gravity is the force that pulls things with mass toward each other.
atom = An atom is the smallest unit of a chemical element.
molecule = A molecule is a group of atoms held together by bonds.
cell|a cell in biology = A cell is the smallest living unit of a body or a plant.
DNA = DNA is the molecule that carries the instructions for living things.
virus = A virus is a tiny agent that copies itself inside living cells, or a harmful program that copies itself.
vaccine = A vaccine trains the body to fight a disease before it meets it.
volcano = A volcano is an opening in the ground from which hot rock and gas come out.
earthquake = An earthquake is a shaking of the ground caused by moving rock below.
climate change = Climate change is the long-term warming of the planet, mostly caused by burning coal, oil and gas.
star = A star is a huge ball of hot gas that gives off light.
planet = A planet is a large round body that moves around a star.
galaxy = A galaxy is a huge group of stars, gas and dust held together by gravity.
black hole = A black hole is a place in space where gravity is so strong that not even light gets out.
democracy = A democracy is a system in which the people choose their government by voting.
inflation = Inflation means that prices rise over time, so money buys less.
budget = A budget is a plan for how much money will come in and go out.
tax|taxes = A tax is money that people and companies pay to the state.
noun = A noun is a word for a person, a place, a thing or an idea.
verb = A verb is a word for an action or a state, such as run or be.
adjective = An adjective is a word that describes a noun, such as big or green.
metaphor = A metaphor describes one thing as if it were another.
prime number = A prime number is a whole number above one that only one and itself divide.
triangle = A triangle is a shape with three sides.
average|the mean = The average is the sum of some numbers divided by how many there are.
""")

OPPOSITES = table("""
up = down
hot = cold
big = small
large = small
fast = slow
high = low
good = bad
happy = sad
light = dark
day = night
black = white
old = young
new = old
hard = soft
easy = difficult
rich = poor
open = closed
full = empty
early = late
strong = weak
long = short
wet = dry
clean = dirty
loud = quiet
near = far
left = right
true = false
first = last
love = hate
win = lose
begin = end
start = stop
buy = sell
push = pull
always = never
heavy = light
thick = thin
cheap = expensive
safe = dangerous
cold = hot
small = big
slow = fast
low = high
sad = happy
dark = bright
night = day
""")

SYNONYMS = table("""
big = large
small = little
happy = glad
sad = unhappy
fast = quick
smart = clever
begin = start
end = finish
help = assist
buy = purchase
hard = difficult
easy = simple
angry = mad
tired = weary
rich = wealthy
quiet = silent
""")

PLURALS = table("""
cat = cats
dog = dogs
child = children
mouse = mice
man = men
woman = women
foot = feet
tooth = teeth
box = boxes
city = cities
leaf = leaves
sheep = sheep
book = books
person = people
house = houses
""")

PAST = table("""
go = went
eat = ate
see = saw
run = ran
write = wrote
take = took
make = made
come = came
buy = bought
sing = sang
speak = spoke
walk = walked
play = played
give = gave
find = found
""")

SOUNDS = table("""
dog = woof
cat = meow
cow = moo
duck = quack
sheep = baa
lion = roar
pig = oink
frog = croak
""")

MEMBERS = {
    "fruits": "apple banana cherry grape lemon mango orange peach pear plum".split(),
    "vegetables": "carrot onion potato tomato cabbage spinach pepper broccoli".split(),
    "colors": "red blue green yellow orange purple black white".split(),
    "animals": "dog cat horse cow lion tiger elephant rabbit bear".split(),
    "birds": "eagle owl robin sparrow duck swan crow".split(),
    "countries": "France Japan Brazil Kenya Canada India Norway Egypt".split(),
    "cities": "Paris Tokyo Cairo London Lima Sydney Nairobi Berlin".split(),
    "planets": "Mars Venus Jupiter Saturn Earth Mercury Neptune".split(),
    "metals": "iron gold silver copper tin zinc".split(),
    "sports": "football tennis swimming basketball rowing running".split(),
    "instruments": "piano guitar violin drum flute trumpet".split(),
    "tools": "hammer saw drill screwdriver wrench".split(),
    "drinks": "water tea coffee milk juice".split(),
    "languages": "English Spanish Arabic Hindi French Swahili".split(),
    "programming languages": "Python Rust Java Go JavaScript".split(),
    "trees": "oak pine birch maple willow".split(),
    "flowers": "rose tulip daisy lily orchid".split(),
    "shapes": "circle square triangle rectangle".split(),
    "jobs": "teacher nurse engineer farmer baker pilot".split(),
}

KINDS = table("""
dog = an animal
cat = an animal
horse = an animal
tiger = an animal
eagle = a bird
owl = a bird
salmon = a fish
shark = a fish
apple = a fruit
banana = a fruit
mango = a fruit
carrot = a vegetable
onion = a vegetable
rose = a flower
tulip = a flower
oak = a tree
pine = a tree
hammer = a tool
saw = a tool
piano = an instrument
violin = an instrument
Mars = a planet
Venus = a planet
iron = a metal
gold = a metal
France = a country
Japan = a country
Paris = a city
London = a city
""")

YES = listing("""
Is water wet? / Is fire hot? / Is ice cold? / Is the sun hot? / Is snow white? / Can birds fly? / Can fish swim? / Do cats drink milk?
Is the sun a star? / Is the earth round? / Do bees make honey? / Is winter colder than summer? / Does the sun rise in the east?
Can a dog bark? / Is sugar sweet? / Is Python a programming language? / Do plants need water?
Is an elephant bigger than a mouse? / Is a whale a mammal? / Is a train faster than a bicycle? / Do humans need sleep?
""")

NO = listing("""
Is fire cold? / Is ice hot? / Is the sun cold? / Is the moon a star? / Can fish walk? / Can a stone swim? / Is the sea dry?
Is a mouse bigger than an elephant? / Do cats bark? / Is sugar salty? / Is snow black? / Is grass blue?
Is a whale a fish? / Does the sun rise in the west? / Can humans breathe under water? / Is the moon made of cheese?
Can cars fly? / Is summer colder than winter? / Do dogs have five legs? / Is Paris in Germany?
""")

PHRASES = {
    "French": table("""
hello = bonjour
good morning = bonjour
good evening = bonsoir
good night = bonne nuit
goodbye = au revoir
thank you = merci
please = s'il vous plaît
yes = oui
no = non
cat = chat
dog = chien
house = maison
water = eau
bread = pain
book = livre
friend = ami
love = amour
day = jour
night = nuit
sun = soleil
how are you? = comment allez-vous ?
my name is Anna = je m'appelle Anna
I love you = je t'aime
good luck = bonne chance
"""),
    "Spanish": table("""
hello = hola
good morning = buenos días
good evening = buenas tardes
good night = buenas noches
goodbye = adiós
thank you = gracias
please = por favor
yes = sí
no = no
cat = gato
dog = perro
house = casa
water = agua
bread = pan
book = libro
friend = amigo
love = amor
day = día
night = noche
sun = sol
how are you? = ¿cómo estás?
my name is Anna = me llamo Anna
I love you = te quiero
good luck = buena suerte
"""),
    "German": table("""
hello = hallo
good morning = guten Morgen
good evening = guten Abend
good night = gute Nacht
goodbye = auf Wiedersehen
thank you = danke
please = bitte
yes = ja
no = nein
cat = Katze
dog = Hund
house = Haus
water = Wasser
bread = Brot
book = Buch
friend = Freund
love = Liebe
day = Tag
night = Nacht
sun = Sonne
how are you? = wie geht es Ihnen?
my name is Anna = ich heiße Anna
I love you = ich liebe dich
good luck = viel Glück
"""),
    "Italian": table("""
hello = ciao
good morning = buongiorno
good evening = buonasera
good night = buonanotte
goodbye = arrivederci
thank you = grazie
please = per favore
yes = sì
no = no
cat = gatto
dog = cane
house = casa
water = acqua
bread = pane
book = libro
friend = amico
love = amore
"""),
}

# Whole sentences in other languages: for naming the language, and as prompts that get an honest answer.
FOREIGN = {
    "French": listing("""
Bonjour, comment allez-vous aujourd'hui ? / Je voudrais un café, s'il vous plaît. / Où est la gare ? / Il fait très beau ce matin.
Nous allons au marché demain. / Quel temps fait-il à Paris ? / Pouvez-vous m'aider avec ce texte ? / Le chat dort sur la table.
Merci beaucoup pour votre réponse. / Expliquez-moi la photosynthèse. / Je ne comprends pas la question.
"""),
    "Spanish": listing("""
Hola, ¿cómo estás hoy? / Quiero un café, por favor. / ¿Dónde está la estación? / Hace muy buen tiempo esta mañana.
Mañana vamos al mercado. / ¿Qué tiempo hace en Madrid? / ¿Puedes ayudarme con este texto? / El gato duerme en la mesa.
Muchas gracias por tu respuesta. / Explícame la fotosíntesis. / No entiendo la pregunta.
"""),
    "German": listing("""
Guten Tag, wie geht es Ihnen heute? / Ich hätte gern einen Kaffee, bitte. / Wo ist der Bahnhof? / Heute Morgen ist das Wetter sehr schön.
Wir gehen morgen auf den Markt. / Wie ist das Wetter in Berlin? / Können Sie mir mit diesem Text helfen? / Die Katze schläft auf dem Tisch.
Vielen Dank für Ihre Antwort. / Erkläre mir die Photosynthese. / Ich verstehe die Frage nicht.
"""),
    "Italian": listing("""
Buongiorno, come sta oggi? / Vorrei un caffè, per favore. / Dov'è la stazione? / Questa mattina fa molto bello.
Domani andiamo al mercato. / Che tempo fa a Roma? / Puoi aiutarmi con questo testo? / Il gatto dorme sul tavolo.
Grazie mille per la risposta. / Spiegami la fotosintesi. / Non capisco la domanda.
"""),
    "English": listing("""
Good day, how are you today? / I would like a coffee, please. / Where is the station? / The weather is very nice this morning.
We are going to the market tomorrow. / What is the weather like in London? / Can you help me with this text? / The cat sleeps on the table.
Thank you very much for your answer. / I do not understand the question.
"""),
}

JOKES = listing("""
Why did the computer go to the doctor? Because it had a virus.
Why do programmers prefer dark mode? Because light attracts bugs.
Why was the math book sad? Because it had too many problems.
What do you call a bear with no teeth? A gummy bear.
Why did the scarecrow win a prize? Because he was outstanding in his field.
What do you call a cloud that stays at home? A local model.
Why did the tomato turn red? Because it saw the salad dressing.
""")

# Lines of five and of seven syllables, by theme.
HAIKU = {
    "rain": (
        "Soft rain on the roof / Gray clouds drift away / The small river wakes",
        "drops are counting out the hours / every leaf holds a mirror / the old garden drinks its fill",
    ),
    "autumn": (
        "Red leaves on the path / Wind in the bare trees / Cold light in the field",
        "the last geese cross the wide sky / one apple falls in the grass / the long evening comes early",
    ),
    "the sea": (
        "Waves fold on the shore / Salt wind in my hair / Gulls above the foam",
        "the tide carries off my name / a small boat leans to the wind / far away a lighthouse turns",
    ),
    "spring": (
        "Green buds on the branch / Warm sun on the hill / A bee finds the rose",
        "the snow has gone to the stream / a young bird tries out its wings / every window stands open",
    ),
    "winter": (
        "Snow on the dark pines / Breath white in the air / Quiet fills the street",
        "the frozen lake holds the moon / one lamp is burning all night / the fox leaves a line of prints",
    ),
    "computers": (
        "Lights blink in the dark / A small fan hums on / Code runs through the night",
        "one small bug sleeps in the loop / the cursor waits for a word / numbers are falling like rain",
    ),
    "the moon": (
        "Moon above the hill / Silver on the lake / Night opens its eyes",
        "the old owl is asking who / my shadow walks beside me / a white path lies on the waves",
    ),
}

POSITIVE = listing("""
love / like / enjoy / adore / appreciate
""")
NEGATIVE = listing("""
hate / dislike / regret / cannot stand / despise
""")
GOOD = listing("""
great / wonderful / excellent / amazing / fantastic / lovely / superb / delightful / perfect / awesome / good / brilliant / nice
friendly / helpful / delicious / beautiful / fast and reliable / worth every penny / better than expected / a joy to use / fun
""")
BAD = listing("""
terrible / awful / horrible / bad / boring / disappointing / broken / useless / rude / slow / ugly / dirty / disgusting / poor
a waste of money / worse than expected / overpriced / unreliable / annoying / the worst / defective / painful to use
""")
PLAIN = listing("""
okay / average / fine, nothing special / as described / neither good nor bad / normal / acceptable / made of plastic / blue
available in three sizes / delivered on Tuesday / open from nine to five / about what you would expect / medium sized
""")
THINGS = listing("""
the movie / the food / the service / this product / the hotel / the book / the phone / the room / the staff / the app / the song
the restaurant / my new laptop / the delivery / the game / this camera / the course / the concert / the update / the coffee
the battery / the screen / the price / the design / the support team / this jacket / the flight / the pizza / the show / it
the story / the headphones / the location / the website / the car / the soup / the trip / the keyboard / this place / the view
""")

SPAM = listing("""
You have won a free {thing}! Click here to claim your prize now. / URGENT: your account will be closed. Verify your password at {link}.
Congratulations! You were selected to receive ${money}. Reply with your bank details. / Lose 10 kilos in one week with this secret pill!
Make ${money} a day from home, no work needed. / Limited offer!!! Buy cheap {thing} now and save 90%.
Dear friend, I have ${money} million to share with you. Send me your account number. / FREE {thing} just for you, act now at {link}
Your parcel is on hold. Pay a small fee at {link} to release it. / Hot deal: get rich quick with crypto, 500% profit guaranteed!
You are the lucky winner of our lottery, claim ${money} today! / Cheap pills without prescription, order now at {link}
""")
HAM = listing("""
Hi {name}, are we still meeting at {time} tomorrow? / The report is attached. Let me know if you have questions.
Can you pick up some milk on your way home? / Thanks for the call today, {name}. I will send the notes tonight.
The team lunch moved to {day} at {time}. / Your invoice for {month} is ready in the usual folder.
Mom, I will be home around {time}. / Hello {name}, the meeting room is booked for {day}.
Please review my pull request when you have time. / Happy birthday, {name}! See you on {day}.
I have finished the slides for {day}, have a look. / The doctor can see you on {day} at {time}.
""")

TOPICS = {
    "sports": listing("""
The team won the {n} final after extra time. / The striker scored two goals in the last match. / The runner broke the record in the marathon.
The coach praised the players after the game. / The tennis champion lost in the first round. / Fans filled the stadium for the league match.
"""),
    "politics": listing("""
The parliament voted on the new law today. / The president met the ministers before the election. / The senate debated the budget for hours.
The mayor announced that she will run again. / Voters went to the polls on Sunday. / The two governments signed a treaty.
"""),
    "technology": listing("""
The company released a new phone with a faster chip. / A software update fixed the security bug. / The startup built a robot that sorts parcels.
Engineers trained a language model on new servers. / The app now works offline on every laptop. / A new processor doubles the speed of computers.
"""),
    "business": listing("""
The bank raised its interest rates again. / Shares of the company fell after weak sales. / The firm reported a record profit this quarter.
Investors bought stocks as markets rose. / The two companies agreed on a merger. / Oil prices climbed and traders were nervous.
"""),
    "science": listing("""
Researchers found a new species in the deep sea. / The telescope took pictures of a distant galaxy. / Physicists measured the particle with great precision.
A study explains how cells repair their DNA. / Scientists launched a probe to Mars. / The experiment confirmed the theory.
"""),
    "health": listing("""
Doctors recommend more sleep and less sugar. / The hospital opened a new clinic for patients. / A vaccine against the flu is available.
The nurse checked the blood pressure of the patient. / Exercise lowers the risk of heart disease. / The treatment helped people with asthma.
"""),
    "travel": listing("""
We booked a flight and a hotel near the beach. / The train to the mountains leaves at noon. / Tourists visited the old castle and the museum.
The island is best seen by boat in spring. / Her passport was checked at the airport. / The guide showed us the temples of the city.
"""),
    "food": listing("""
The chef cooked pasta with garlic and tomatoes. / Bake the bread for forty minutes in a hot oven. / The restaurant serves fresh fish and salad.
Mix the flour, eggs and sugar into a dough. / This soup needs more salt and pepper. / The cake was made with dark chocolate.
"""),
    "weather": listing("""
Heavy rain is expected in the north tonight. / A storm brought strong wind and snow. / Tomorrow will be sunny with mild temperatures.
Fog covered the valley in the morning. / The heat wave will last until the weekend. / Clouds will clear by the afternoon.
"""),
    "music": listing("""
The band played its new album on stage. / The singer wrote the song on an old guitar. / The orchestra rehearsed the symphony.
A pianist won the competition. / The choir sang at the concert. / The drummer left the group last year.
"""),
}

TICKETS = {
    "billing": listing("""
I was charged twice this month. / My invoice shows the wrong amount. / Why is my bill so high? / The payment with my credit card failed.
Please send me the receipt for my last payment. / You took the money but I cancelled my plan.
"""),
    "login": listing("""
I forgot my password. / I can't log in to my account. / The reset link does not work. / It says my user name is unknown.
My account is locked after three tries. / The sign-in page does not accept my code.
"""),
    "shipping": listing("""
Where is my parcel? / My order has not arrived yet. / The delivery is two weeks late. / The tracking number does not work.
The package came to the wrong address. / When will you ship my order?
"""),
    "refund": listing("""
I want my money back. / How can I return this item? / Please refund my order. / The product is broken, I want to return it.
I sent the shoes back but got no refund. / I would like to cancel and be repaid.
"""),
    "technical": listing("""
The app crashes when I open it. / The page shows an error. / The screen stays black after the update. / The file does not upload.
The program freezes on my laptop. / The button does nothing when I click it.
"""),
}

# Vocabulary of many fields, for prompts the model has no business answering and for filler text.
DOMAINS = {
    "physics": (
        "quantum entanglement / the Higgs boson / general relativity / dark matter / superconductivity / the photoelectric effect / entropy / wave functions / plasma / string theory / thermodynamics / a laser cavity",
        "measure / derive / simulate / estimate / observe",
    ),
    "chemistry": (
        "covalent bonds / reaction kinetics / organic synthesis / polymer chains / catalysts / acid titration / the periodic table / electrolysis / isotopes / spectroscopy / a buffer solution",
        "synthesize / dissolve / purify / titrate / analyze",
    ),
    "biology": (
        "mitochondria / gene expression / protein folding / natural selection / the immune system / stem cells / enzymes / neural pathways / bacterial resistance / an ecosystem / the human genome",
        "sequence / culture / classify / isolate / breed",
    ),
    "medicine": (
        "type two diabetes / chronic back pain / a heart murmur / migraine treatment / drug interactions / blood test results / an allergic rash / hypertension / a broken wrist / insomnia / antibiotics",
        "diagnose / treat / prescribe / prevent / monitor",
    ),
    "law": (
        "contract law / a tenancy agreement / intellectual property / the statute of limitations / a non-disclosure agreement / liability clauses / employment law / data protection rules / a divorce settlement / a patent claim",
        "draft / enforce / appeal / interpret / dispute",
    ),
    "finance": (
        "compound interest / index funds / a mortgage / bond yields / tax deductions / portfolio risk / exchange rates / balance sheets / a pension plan / option pricing / cash flow",
        "invest / hedge / audit / forecast / borrow",
    ),
    "programming": (
        "a binary search tree / a race condition / a recursive function / garbage collection / async tasks / a SQL join / a regular expression / unit tests / a memory leak / a REST endpoint / a linked list / merge conflicts",
        "implement / debug / refactor / optimize / deploy",
    ),
    "history": (
        "the French Revolution / the Roman Empire / the Cold War / the Silk Road / the Industrial Revolution / ancient Egypt / the Ottoman Empire / the Renaissance / the Black Death / colonial trade",
        "conquer / govern / settle / rebuild / document",
    ),
    "philosophy": (
        "free will / moral relativism / existentialism / Kant's ethics / stoicism / the trolley problem / consciousness / utilitarianism / Plato's cave / logical positivism",
        "argue / question / justify / refute / define",
    ),
    "cooking": (
        "sourdough bread / a beef stew / vegan lasagna / pad thai / a chocolate souffle / homemade sushi / a curry paste / risotto / pickled vegetables / an apple pie / a birthday cake",
        "bake / simmer / season / marinate / roast",
    ),
    "travel": (
        "a trip to Iceland / backpacking in Peru / a weekend in Prague / train passes in Europe / visa rules / a safari in Kenya / a road trip in Canada / hotels in Kyoto / cheap flights / a city tour",
        "book / plan / pack / visit / explore",
    ),
    "sport": (
        "marathon training / the offside rule / weight lifting / a tennis serve / the World Cup / swimming technique / a cycling race / team tactics / the Olympic Games / rock climbing",
        "train / score / compete / recover / coach",
    ),
    "art": (
        "impressionist painting / abstract sculpture / color theory / film editing / jazz harmony / modern dance / stage design / baroque music / street photography / a short story",
        "paint / compose / perform / sketch / exhibit",
    ),
    "business": (
        "a marketing plan / supply chains / a job interview / quarterly goals / customer churn / a business model / remote teams / product pricing / a startup pitch / a cover letter",
        "launch / negotiate / hire / promote / scale",
    ),
    "education": (
        "a lesson plan / calculus homework / essay writing / exam revision / reading skills / a science project / online courses / classroom rules / university admission / study habits",
        "teach / grade / learn / review / memorize",
    ),
    "mathematics": (
        "the Riemann hypothesis / linear algebra / differential equations / prime factorization / Bayes' theorem / graph theory / an integral / a matrix inverse / eigenvalues / set theory / the quadratic formula",
        "prove / solve / integrate / factor / compute",
    ),
    "engineering": (
        "bridge design / a heat pump / hydraulic pumps / circuit boards / wind turbines / signal filters / stress analysis / a gear box / solar panels / a steam engine / concrete mixes",
        "design / build / test / weld / calibrate",
    ),
    "nature": (
        "coral reefs / rain forests / bird migration / soil erosion / ocean currents / glaciers / wildflowers / mushrooms / river deltas / wolves / honey bees",
        "protect / restore / observe / plant / map",
    ),
    "home": (
        "a leaking tap / a garden shed / house paint / a washing machine / indoor plants / a kitchen floor / old furniture / a bicycle chain / wall shelves / roof tiles",
        "repair / clean / install / measure / replace",
    ),
    "machine learning": (
        "gradient descent / attention layers / reinforcement learning / overfitting / embeddings / decision trees / a confusion matrix / tokenization / transformer models / diffusion models",
        "train / evaluate / fine-tune / deploy / benchmark",
    ),
}

PEOPLE = listing("""
the engineer / the nurse / our teacher / the committee / a farmer / the pilot / the manager / a student / the researcher / the council
the company / a customer / the lawyer / the chef / the captain / my neighbor / the team / the museum / the driver / the bank
the hospital / a police officer / the author / the school / the minister / the owner / the director / the gardener / the crew
""")
ACTIONS = listing("""
opened a new office / repaired the old bridge / cancelled the meeting / found a lost wallet / planted fifty trees / signed the contract
sold the house / moved the deadline / built a small boat / wrote a long report / bought two tickets / painted the wall / hired a cook
changed the plan / won an award / lost the keys / finished the project / started a new course / returned the books / checked the numbers
sent the package / raised the price / fixed the printer / closed the road / tested the engine / published the results / ordered lunch
announced a new product / reduced the costs / replaced the windows / visited the factory / cleaned the kitchen / learned to swim
""")
PLACES = listing("""
in the city center / near the river / at the station / in the north / on the second floor / at the airport / in a small village
by the sea / behind the school / in the old harbor / at the university / on the main road / in the park / next to the library
""")
TIMES = listing("""
yesterday / last week / on Monday / on Tuesday / on Friday / this morning / last month / in March / in the summer / two days ago
at noon / in 2019 / after the storm / before the holiday / on Sunday / last year / at the end of May
""")
REASONS = listing("""
because the old one was too small / because of the bad weather / to save money / after a long discussion / because prices went up
to help the neighbors / since nobody was there / as planned / with the help of two friends / without any problem / for the third time
because the law has changed / to make room for more people / although it was late / before the rain came / in less than an hour
""")
ADJECTIVES = listing("""
small / large / quiet / bright / complex / useful / modern / rare / careful / natural / famous / narrow / heavy / strange / simple
important / early / local / public / private / digital / ancient / steady / gentle / sharp / distant / common / fragile / open
""")
NOUNS = listing("""
river / engine / letter / window / market / garden / signal / bridge / doctor / village / record / island / machine / lesson / winter
kitchen / forest / number / ticket / camera / museum / harbor / planet / chapter / journey / pattern / surface / battery
contract / student / weather / project / message / library / mountain / teacher / factory / storage / network / painting / process
table / chair / lamp / ball / road / train / ship / horse / bird / stone / flower / cup / knife / shoe / coat / phone / clock / box
""")
CODE = listing("""
def f(x): return x * 2 / for i in range(10): print(i) / SELECT name FROM users WHERE age > 30; / int main() { return 0; }
const x = items.map(i => i.id); / if (a == b) { c++; } / fn add(a: i32, b: i32) -> i32 { a + b } / import numpy as np
<div class="box">text</div> / git commit -m "fix" / kubectl get pods -n prod / ssh user@host / while True: pass / x = {"a": 1, "b": 2}
Traceback (most recent call last): ValueError: invalid literal / error[E0382]: borrow of moved value / NullPointerException at line 42
""")
HELLO_WORLD = table("""
Python = print("Hello, world!")
JavaScript = console.log("Hello, world!");
Rust = fn main() { println!("Hello, world!"); }
C = int main() { puts("Hello, world!"); }
Bash = echo "Hello, world!"
Ruby = puts "Hello, world!"
""")
