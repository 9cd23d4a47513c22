/** Where does chance come from? Passed as an argument, so that a test can replay it. In [0, 1). */
export const systemRandom: () => number = Math.random
