import { suite } from 'uvu'
import { ARRIVALS, spendTwice } from '../kit/double-spend.ts'

const test = suite('two orders for one version, 25 members')
for (const arrival of ARRIVALS) test(arrival.name, () => spendTwice(25, arrival))
test.run()
